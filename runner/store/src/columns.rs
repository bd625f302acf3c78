//! How values of the domain stand in columns, and how they are read back.
