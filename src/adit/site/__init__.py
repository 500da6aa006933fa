"""The only place that knows everyone: settings, wiring, processes, command line (floor 6)."""
