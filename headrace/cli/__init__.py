"""The `headrace` command: starts pipelines and jobs as child processes and shows what they say."""
