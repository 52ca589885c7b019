"""What is asked of the database, one module for each thing that is asked about."""
