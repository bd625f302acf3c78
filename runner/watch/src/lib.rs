//! Builds the guest.
