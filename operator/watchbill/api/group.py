"""The API group, its version and everything named after it. Spelt here only."""

GROUP = "watchbill.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "watchbill"

DEFAULT_CLASS_ANNOTATION = f"{GROUP}/is-default-class"
"""An IncidentClass with this annotation set to "true" serves Incidents that name no class."""

TEST_PAGE_LABEL = f"{GROUP}/test-page"
"""An Incident with this label set to "true" is no incident: somebody tests whether pages get through."""

SECRET_READER_ROLE = "watchbill-secret-reader"
"""The ClusterRole that a tenant binds to let the operator read the Secrets of one namespace."""

DEFAULT_OPERATOR_USER = "system:serviceaccount:watchbill:watchbill"
"""The operator's user name where nothing else is configured; exempt by name from the author checks."""
