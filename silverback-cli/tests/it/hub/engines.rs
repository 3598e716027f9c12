//! Engines, as far as they can be seen without a broker.

use rustix::process::Signal;

use crate::support::{Program, get, run};

/// Nothing listens there.
const NOWHERE: &str = "me:hunter2@127.0.0.1:1";

#[test]
fn an_engine_that_is_down_at_start_lets_the_hub_start_and_not_be_ready() {
    for scheme in ["nats", "redis"] {
        let engine = format!("{scheme}://{NOWHERE}");
        let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_ENGINE", engine.as_str())];
        let mut program = Program::start_with(&["hub"], &environment);
        assert_eq!(get(program.address, "/healthz").status, 200, "{scheme}");
        assert_eq!(get(program.address, "/readyz").status, 503, "{scheme}");
        program.signal(Signal::TERM);
        assert_eq!(program.wait().code(), Some(0), "{scheme}: {}", program.errors());
        let said = program.output() + &program.errors();
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_url_that_is_no_engine_is_an_error_without_its_secrets() {
    for engine in ["nats://me:hunter2@", "redis://me:hunter2@", "kafka://me:hunter2@127.0.0.1", "hunter2"] {
        for options in [&["hub", "--engine", engine][..], &["hub"]] {
            let environment = [("SILVERBACK_LISTEN", "127.0.0.1:0"), ("SILVERBACK_ENGINE", engine)];
            let (code, out, errors) = run(options, &environment);
            assert_eq!((code, out.as_str()), (Some(2), ""), "{errors}");
            assert!(engine == "hunter2" || !errors.contains("hunter2"), "{errors}");
        }
    }
}
