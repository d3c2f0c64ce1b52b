"""The words every room speaks: values, closed enumerations, profiles and clauses."""
