//! Asking a server for a page.

use holdall_test_databases::Problem;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a page may take: the first one compiles it.
const LIMIT: Duration = Duration::from_mins(1);

/// What a server answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status: 200 and so on.
    pub status: u16,
    /// The cfid that the server set as a cookie.
    pub cfid: Option<String>,
    /// The page.
    pub body: String,
}

/// Asks for a page in the session `cfid`.
pub(crate) fn get(port: u16, path: &str, cfid: Option<&str>) -> Result<Answer, Problem> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(LIMIT))?;
    let cookie = cfid.map(|cfid| format!("Cookie: cfid={cfid}; cftoken=0\r\n")).unwrap_or_default();
    // HTTP 1.0: the answer ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{cookie}\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let broken = || Problem::new(format!("an answer that is no HTTP: {answer}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(broken)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
    let mut cookies =
        head.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let cfid = cookies.find_map(|(_, cookie)| cookie.strip_prefix("cfid=")?.split(';').next());
    Ok(Answer { status, cfid: cfid.map(str::to_owned), body: body.to_owned() })
}
