"""How fast, how small and how frugal Watchbill is, beside what a team would use instead."""
