//! What a program prints, while it runs and after.

use std::io::Read;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use crate::condition::eventually;

/// Reads a pipe to its end, beside the test.
#[derive(Debug)]
pub(crate) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Capture {
    pub(crate) fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut piece) {
                into.lock()
                    .expect("no reader panics")
                    .extend_from_slice(&piece[..length]);
            }
        });
        Self {
            bytes,
            reader: Some(reader),
        }
    }

    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panics")).into_owned()
    }

    pub(crate) fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            // A grandchild may keep the pipe open after the program has ended.
            eventually("the end of a pipe", || reader.is_finished().then_some(()));
        }
        self.so_far()
    }
}
