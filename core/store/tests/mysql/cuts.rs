//! The connection is cut at every byte of a commit and of its answers: no verdict is ever wrong.

use crate::made::{NOW, create, key, load, options, record, server, server_at, stamp, update};
use holdall_engine::{Loaded, Verdict, Write};
use holdall_store::Store;
use holdall_store::mysql::MysqlStore;
use holdall_test_databases::{Database, Direction, Proxy, shared};

struct Scene {
    proxy: Proxy,
    through: MysqlStore,
    direct: MysqlStore,
    next: u64,
}

impl Scene {
    fn new() -> Self {
        let database: Database = shared().database();
        let proxy = Proxy::start(database.port).expect("a proxy");
        let through = MysqlStore::open(options(server_at(&database, &database.owner, proxy.port()))).expect("opens");
        let direct = MysqlStore::open(options(server(&database))).expect("opens");
        Self { proxy, through, direct, next: 0 }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Commits writes made of fresh sessions, and cuts after so many bytes. True if the cut came.
    fn cut(&mut self, direction: Direction, bytes: u64, make: fn(&mut Self) -> Vec<Write>) -> bool {
        let writes = make(self);
        // Connected and prepared, so that only the commit itself is cut.
        self.through.load(&[], NOW).expect("the proxy lets through");
        let cuts = self.proxy.cuts();
        self.proxy.cut_after(direction, bytes);
        let said = self.through.commit(&writes, NOW);
        self.proxy.spare();
        let was_cut = self.proxy.cuts() > cuts;
        match said {
            Ok(verdicts) => self.check(&writes, &verdicts),
            // Unknown: reading settles it, and the same writes again do no harm.
            Err(_) => assert!(was_cut, "nothing was cut"),
        }
        for (write, verdict) in writes.iter().zip(self.direct.commit(&writes, NOW).expect("commits")) {
            assert!(matches!(verdict, Verdict::Done { .. } | Verdict::Exists | Verdict::Conflict), "{verdict:?}");
            assert_eq!(self.is_there(write), Some(true), "it has landed now, once");
        }
        was_cut
    }

    fn check(&self, writes: &[Write], verdicts: &[Verdict]) {
        for (write, verdict) in writes.iter().zip(verdicts) {
            match verdict {
                Verdict::Done { .. } => assert_eq!(self.is_there(write), Some(true), "done, but not there"),
                Verdict::NotDone => assert_eq!(self.is_there(write), Some(false), "not done, but there"),
                verdict => panic!("{verdict:?}"),
            }
        }
    }

    /// Whether the row carries the stamp of `write`.
    fn is_there(&self, write: &Write) -> Option<bool> {
        let stamp = write.record()?.stamp;
        Some(matches!(load(&self.direct, write.key.clone()), Loaded::Row(record) if record.stamp == stamp))
    }

    fn at_every_byte(&mut self, make: fn(&mut Self) -> Vec<Write>) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            // Prepares the statements.
            while self.cut(direction, u64::MAX / 2, make) {}
            let mut bytes = 0;
            while self.cut(direction, bytes, make) {
                bytes += 1;
            }
            assert!(bytes > 20, "{direction:?}: a commit takes more than {bytes} bytes");
        }
    }
}

fn one_create(scene: &mut Scene) -> Vec<Write> {
    vec![create(key(scene.fresh()), record(1))]
}

fn one_update(scene: &mut Scene) -> Vec<Write> {
    let number = scene.fresh();
    scene.direct.commit(&[create(key(number), record(1))], NOW).expect("commits");
    vec![update(key(number), stamp(1), record(2))]
}

fn some_of_both(scene: &mut Scene) -> Vec<Write> {
    let mut writes = one_update(scene);
    writes.extend(one_update(scene));
    writes.extend(one_create(scene));
    writes
}

#[test]
fn a_new_session() {
    Scene::new().at_every_byte(one_create);
}

#[test]
fn a_changed_session() {
    Scene::new().at_every_byte(one_update);
}

#[test]
fn a_batch() {
    Scene::new().at_every_byte(some_of_both);
}
