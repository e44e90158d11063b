"""Claims of the literature as experiments, in studies anyone can run."""

from lgsim.studies.report import Report
from lgsim.studies.studies import STUDIES, Study, all_studies, study

__all__ = ["STUDIES", "Report", "Study", "all_studies", "study"]
