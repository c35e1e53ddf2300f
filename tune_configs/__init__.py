"""Run profiles and sweeps, as YAML; a package so that an installed command finds them too."""
