//! `silverback bench`, run against the real service and against servers that behave badly.

mod agreement;
mod faults;
mod loads;
mod measuring;
mod outputs;
mod reaching;
mod servers;

use serde_json::Value;

use crate::support::{Program, run};

/// The results of a load.
struct Bench {
    code: Option<i32>,
    json: Value,
    err: String,
}

impl Bench {
    #[track_caller]
    fn number(&self, pointer: &str) -> u64 {
        let value = self.json.pointer(pointer).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("{pointer}: {} {}", self.json, self.err)) as u64
    }

    /// The errors of this cause.
    fn errors(&self, cause: &str) -> u64 {
        self.json["errors"][cause]["count"].as_u64().unwrap_or(0)
    }
}

/// Runs a load with `--json`.
#[track_caller]
fn bench(url: &str, options: &[&str]) -> Bench {
    let words: Vec<_> = ["bench", url, "--json"].iter().chain(options).copied().collect();
    let (code, out, err) = run(&words, &[]);
    let json = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out:?} {err:?}"));
    Bench { code, json, err }
}

/// The echo service, and its URL.
fn echo() -> (Program, String) {
    let program = Program::start(&["--quiet", "--threads", "1"]);
    let url = format!("ws://{}/ws/echo", program.address);
    (program, url)
}
