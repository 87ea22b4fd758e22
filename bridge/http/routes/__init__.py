"""The routes: each handler verifies, keeps or asks, answers; nothing else."""
