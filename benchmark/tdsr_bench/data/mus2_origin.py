"""Where MuS2 comes from, and under which licences: said by its records and by its download alike."""

DOI = "10.7910/DVN/1JMRAT"

HOST = "https://dataverse.harvard.edu"
"""The Dataverse installation that holds the DOI."""

SOURCE = f"Kowaleczko et al. (2023), Scientific Data 10:644, doi:{DOI}"

LICENCE = "CC0-1.0 by DataCite, CC-BY by KP Labs"
"""Two places state two licences."""
