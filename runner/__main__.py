"""``python -I -m runner`` is the installed ``run_rollout`` command."""

from runner.cli import main

raise SystemExit(main())
