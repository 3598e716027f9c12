//! Certificates made for one run, by OpenSSL: an authority, a server called `localhost`, a client, and an authority that
//! these tests do not trust.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// Files of one run.
pub(crate) struct Certificates {
    pub(crate) folder: PathBuf,
}

impl Certificates {
    /// Makes them anew in a folder of that name under the target folder.
    pub(crate) fn make(workspace: &Workspace, name: &str) -> Result<Self, Error> {
        let openssl = tools::from_debian(&["openssl"], &["openssl"])?;
        let folder = workspace.target.join("interop").join(name);
        fs::create_dir_all(&folder).or_failed(folder.display())?;
        let settings = folder.join("openssl.cnf");
        fs::write(&settings, SETTINGS).or_failed(settings.display())?;
        let certificates = Self { folder };
        for (name, subject, signer) in [
            ("authority", "the authority of this run", None),
            ("stranger", "the authority of this run", None),
            ("server", "localhost", Some("authority")),
            ("client", "client", Some("authority")),
            ("impostor", "client", Some("stranger")),
        ] {
            certificates.issue(&openssl, name, subject, signer)?;
        }
        let both = certificates.read("server.pem")? + &certificates.read("server-key.pem")?;
        fs::write(certificates.folder.join("server-both.pem"), both).or_failed("server-both.pem")?;
        Ok(certificates)
    }

    /// The certificate of the server and its key.
    pub(crate) fn papers(&self) -> [String; 2] {
        [self.path("server.pem"), self.path("server-key.pem")]
    }

    pub(crate) fn path(&self, file: &str) -> String {
        self.folder.join(file).to_string_lossy().into_owned()
    }

    fn read(&self, file: &str) -> Result<String, Error> {
        fs::read_to_string(self.folder.join(file)).or_failed(file)
    }

    fn issue(&self, openssl: &Path, name: &str, subject: &str, signer: Option<&str>) -> Result<(), Error> {
        let section = match name {
            "stranger" => "authority",
            "impostor" => "client",
            name => name,
        };
        let mut task = Task::new(openssl)
            .args(["req", "-config", "openssl.cnf", "-x509", "-nodes", "-days", "2", "-extensions", section])
            .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-keyout", &format!("{name}-key.pem"), "-out", &format!("{name}.pem")])
            .args(["-subj", &format!("/CN={subject}")])
            .current_dir(&self.folder);
        if let Some(signer) = signer {
            task = task.args(["-CA", &format!("{signer}.pem"), "-CAkey", &format!("{signer}-key.pem")]);
        }
        task.run_logged(&self.folder.join(format!("{name}.log")))
    }
}

const SETTINGS: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[server]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
[client]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = clientAuth
";
