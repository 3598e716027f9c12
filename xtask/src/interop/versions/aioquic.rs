//! A client of aioquic and wsproto, which a script puts together.

use super::bench::Bench;
use crate::error::Error;
use crate::interop::{python, scripts};
use crate::process::Task;

pub(super) fn client(bench: &Bench<'_>) -> Result<(), Error> {
    let script = scripts(bench.workspace).join("python/http3_client.py");
    let task = Task::new(python::http_environment(bench.workspace)?).arg(script);
    bench.listen(task.args([bench.secure_url(), bench.certificates.path("authority.pem")]))
}
