"""`kubectl watchbill`: what people type when something is broken, by the public API alone."""
