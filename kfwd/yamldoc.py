"""YAML by the 1.2 core rules, with the place of every value. Leaf: knows files' text, nothing else."""
