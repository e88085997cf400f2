"""The main job, shown on a simulated cluster. Drives processes; knows nothing of their insides."""
