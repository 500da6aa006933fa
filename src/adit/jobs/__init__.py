"""Jobs, tasks, ledger, queue and worker."""
