//! Certificates for encrypted connections, made for one server by the `openssl` program.

use crate::{Problem, programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of one server.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    /// Who vouches for the server: what a client is given.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's key.
    pub key: PathBuf,
    /// An authority that has nothing to do with the server: a client that trusts only this one must refuse.
    pub stranger: PathBuf,
}

/// Makes certificates in a folder; the server's is valid for `name` and, if that is `localhost`, for 127.0.0.1.
pub(crate) fn make(folder: &Path, name: &str) -> Result<Certificates, Problem> {
    fs::create_dir(folder)?;
    let (authority, authority_key) = authority(folder, "authority")?;
    let (stranger, _) = self::authority(folder, "stranger")?;
    let (key, request, certificate) = (folder.join("server.key"), folder.join("server.csr"), folder.join("server.pem"));
    let extensions = folder.join("server.ext");
    let address = if name == "localhost" { ",IP:127.0.0.1" } else { "" };
    let usage = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth";
    fs::write(&extensions, format!("subjectAltName=DNS:{name}{address}\n{usage}\n"))?;
    let subject = format!("/CN={name}");
    openssl(&["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", &subject], &[("-keyout", &key), ("-out", &request)])?;
    openssl(
        &["x509", "-req", "-days", "30", "-set_serial", "2"],
        &[("-in", &request), ("-CA", &authority), ("-CAkey", &authority_key), ("-extfile", &extensions), ("-out", &certificate)],
    )?;
    Ok(Certificates { authority, certificate, key, stranger })
}

fn authority(folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), Problem> {
    let (key, certificate) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pem")));
    let subject = format!("/CN=holdall test {name}");
    let words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", &subject];
    openssl(&words, &[("-keyout", &key), ("-out", &certificate)])?;
    Ok((certificate, key))
}

fn openssl(words: &[&str], files: &[(&str, &PathBuf)]) -> Result<(), Problem> {
    let mut command = Command::new(programs::find("openssl")?);
    command.args(words);
    for (option, file) in files {
        command.arg(option).arg(file);
    }
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Problem::new(format!("openssl {} failed: {}", words[0], String::from_utf8_lossy(&output.stderr))))
}
