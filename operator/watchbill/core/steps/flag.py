"""Sets a feature flag at its vendor, whose module says how it is read and set."""

from watchbill.api.runbook import Step
from watchbill.core.steps.contract import RunFacts
from watchbill.core.steps.flag_files import file_setting
from watchbill.core.steps.flag_services import launch_darkly, unleash
from watchbill.core.steps.setting import Setting, SettingKind


class FlagKind(SettingKind):
    """Another value of one flag."""

    name = "flag"

    def setting(self, step: Step, run: RunFacts) -> Setting | str:
        """The flag, or why it must not be touched."""
        flag = step.flag
        assert flag is not None
        if flag.unleash is not None:
            return unleash(flag.unleash)
        if flag.launch_darkly is not None:
            return launch_darkly(flag.launch_darkly, run)
        assert flag.flagd is not None, "the schema demands a vendor"
        return file_setting(flag.flagd, run)
