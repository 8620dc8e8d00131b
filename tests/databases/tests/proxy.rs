//! The proxy, before a server that sends back what it gets.

use holdall_test_databases::{Deadline, Direction, Moment, Proxy, pause, wait_until};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

/// A server that answers `mark` to each byte.
fn server(mark: u8) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let mut buffer = [0; 1024];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&vec![mark; length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn client(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).expect("connects");
    stream.set_read_timeout(Some(SOON)).expect("sets");
    stream.set_nodelay(true).expect("sets");
    stream
}

/// Sends, and gives all that comes back until `length` bytes are there or the connection ends.
fn ask(stream: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if stream.write_all(bytes).is_err() {
        return answer;
    }
    let mut buffer = [0; 1024];
    while answer.len() < bytes.len() {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
                break;
            }
        }
    }
    answer
}

#[test]
fn cuts_after_so_many_bytes() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let proxy = Proxy::start(server(b'a')).expect("starts");
        let mut stream = client(&proxy);
        assert_eq!(ask(&mut stream, b"12345"), b"aaaaa");
        proxy.cut_after(direction, 3);
        let answer = ask(&mut stream, b"1234567");
        // Whether an answer to bytes that just arrived still gets through is for the network to say.
        assert!(direction == Direction::ToServer || answer == b"aaa", "{direction:?}");
        assert_eq!(proxy.cuts(), 1);
        assert_eq!(ask(&mut client(&proxy), b"12345"), b"aaaaa", "once");
        assert_eq!(proxy.passed(direction), 13);
    }
}

#[test]
fn cuts_at_bytes_that_come_in_parts() {
    let moments = [(Moment::BeforeRequest, &b""[..], 4), (Moment::BeforeAnswer, b"", 9), (Moment::AfterAnswer, b"aaaaa", 9)];
    for (moment, answer, arrived) in moments {
        let proxy = Proxy::start(server(b'a')).expect("starts");
        let mut stream = client(&proxy);
        proxy.cut_at(b"COMMIT", moment);
        assert_eq!(ask(&mut stream, b"1COM"), b"aaaa");
        assert_eq!(ask(&mut stream, b"MIT;2"), answer, "{moment:?}");
        wait_until("the connection is cut", SOON, || proxy.connections() == 0).expect("is cut");
        assert_eq!(ask(&mut stream, b"3"), b"");
        assert_eq!((proxy.passed(Direction::ToServer), proxy.cuts()), (arrived, 1), "{moment:?}");
    }
}

#[test]
fn refuses_and_accepts_again() {
    let proxy = Proxy::start(server(b'a')).expect("starts");
    let mut stream = client(&proxy);
    assert_eq!(ask(&mut stream, b"1"), b"a");
    for _ in 0..3 {
        proxy.refuse().expect("refuses");
        let refused = TcpStream::connect(("127.0.0.1", proxy.port())).expect_err("nobody listens");
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(ask(&mut stream, b"1"), b"");
        proxy.accept();
        stream = client(&proxy);
        assert_eq!(ask(&mut stream, b"12"), b"aa");
    }
}

#[test]
fn freezes_and_switches() {
    let proxy = Proxy::start(server(b'a')).expect("starts");
    let mut stream = client(&proxy);
    assert_eq!(ask(&mut stream, b"1"), b"a");
    proxy.freeze();
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("sets");
    stream.write_all(b"2").expect("goes into the network");
    let silence = stream.read(&mut [0; 8]).expect_err("nothing comes");
    assert!(matches!(silence.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
    stream.set_read_timeout(Some(SOON)).expect("sets");
    proxy.thaw();
    stream.read_exact(&mut [0; 1]).expect("comes at last");
    proxy.switch_to(server(b'b'));
    assert_eq!(ask(&mut stream, b"3"), b"");
    assert_eq!(ask(&mut client(&proxy), b"4"), b"b");
}

/// Each round trip takes both delays; what is sent in one go waits once.
#[test]
fn delays() {
    let proxy = Proxy::start(server(b'a')).expect("starts");
    let mut stream = client(&proxy);
    proxy.delay(Duration::from_millis(20));
    let watch = Deadline::after(SOON);
    for _ in 0..3 {
        assert_eq!(ask(&mut stream, b"1"), b"a");
    }
    assert!(watch.waited() >= Duration::from_millis(120), "{:?}", watch.waited());
    let watch = Deadline::after(SOON);
    for _ in 0..20 {
        stream.write_all(b"1").expect("sends");
        pause(Duration::from_millis(1));
    }
    stream.read_exact(&mut [0; 20]).expect("all of them");
    assert!(watch.waited() < Duration::from_millis(400), "{:?}: they waited for each other", watch.waited());
}
