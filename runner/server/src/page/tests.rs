//! Tests of the pages over a real engine; see below.
