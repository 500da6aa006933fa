"""Why ADIT could not be started."""


class StartFailed(Exception):
    """ADIT could not be started; the message says what failed and where to look."""


class RunsAlready(StartFailed):
    """Another supervisor has this `ADIT_HOME`."""
