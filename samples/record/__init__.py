"""Records real keepalive between two hosts: samples/README.md says how, scenarios.toml what."""
