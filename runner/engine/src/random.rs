//! Random texts and numbers from the operating system.

/// Returns 128 random bits as 32 hexadecimal digits.
pub(crate) fn key() -> Result<String, store::Error> {
    hex_of::<16>()
}

/// Returns 256 random bits as 64 hexadecimal digits.
pub(crate) fn token() -> Result<String, store::Error> {
    hex_of::<32>()
}

/// Returns a random number.
pub(crate) fn number() -> Result<u64, store::Error> {
    getrandom::u64().map_err(|_| store::Error::NoRandomness)
}

fn hex_of<const BYTES: usize>() -> Result<String, store::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|_| store::Error::NoRandomness)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
