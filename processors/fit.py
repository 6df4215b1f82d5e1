"""Fit: how well role and company suit us, as points from 0 to 100 and a grade from A to D."""

from collections.abc import Mapping

from processors.model.scoring_model import FitModel


def grade(attributes: Mapping[str, str], fit: FitModel) -> tuple[float, str, dict[str, float]]:
    """Grade coded attributes: the points (clamped to 0..100), the letter, and the points of each criterion that passed."""
    criteria = {criterion.name: criterion.points for criterion in fit.criteria if criterion.matches(attributes)}
    points = min(100.0, max(0.0, sum(criteria.values())))
    letter = next((letter for letter, least in fit.grades if points >= least), "D")
    return points, letter, criteria
