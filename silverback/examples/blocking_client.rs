//! Sends lines to an echo server and prints the replies, with two threads and no runtime.
//!
//! ```text
//! seq 3 | cargo run -p silverback --example blocking_client --features blocking -- ws://127.0.0.1:8000/ws/echo
//! ```

#![allow(clippy::print_stdout, reason = "it prints the replies")]

use std::{io, thread};

use silverback::{Error, blocking};

fn main() -> Result<(), Error> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8000/ws/echo".to_owned());
    let (writer, mut reader) = blocking::dial(&url)?.split();
    let writing = thread::spawn(move || {
        for line in io::stdin().lines() {
            writer.write_message(line?)?;
        }
        writer.start_close(1000, "")
    });
    for message in reader.messages() {
        println!("{:?}", message?);
    }
    writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
