//! The connection is cut within a commit and its answers: whether it has landed is found out by reading, by its stamp.

use crate::made::{NOW, Site, create, json, known, load, lucee, rails, record, rename, row, stamp, update};
use holdall_engine::{Loaded, Verdict, Write, WriteKind};
use holdall_store::Store;
use holdall_store::foreign::{ForeignOptions, open_mysql};
use holdall_store::mysql::MysqlUrl;
use holdall_test_databases::{Direction, Proxy};
use std::sync::Arc;

struct Scene {
    proxy: Proxy,
    store: Arc<dyn Store>,
    next: u64,
}

impl Scene {
    fn new(sites: Vec<Site>, options: &ForeignOptions) -> Self {
        let mut databases = sites.into_iter().filter_map(|site| match site {
            Site::MariaDb(database) => Some(database),
            Site::Sqlite(_) => None,
        });
        let database = databases.next().expect("a server");
        let proxy = Proxy::start(database.port).expect("a proxy");
        let url = MysqlUrl::parse(&database.url_for(&database.owner, proxy.port())).expect("a URL");
        let store = open_mysql(url.server, options).expect("opens");
        Self { proxy, store, next: 0 }
    }

    fn fresh(&mut self) -> String {
        self.next += 1;
        format!("{:08x}-7b7e-4f0e-9a53-0c7f6a2d9e11", self.next)
    }

    /// Commits writes about fresh sessions, and cuts after so many bytes. True if the cut came.
    fn cut(&mut self, direction: Direction, bytes: u64, make: fn(&mut Self) -> Vec<Write>) -> bool {
        let writes = make(self);
        // Connected and prepared, so that only the commit itself is cut.
        load(&*self.store, "none");
        let cuts = self.proxy.cuts();
        self.proxy.cut_after(direction, bytes);
        let said = self.store.commit(&writes, NOW);
        self.proxy.spare();
        let was_cut = self.proxy.cuts() > cuts;
        let verdicts = said.unwrap_or_else(|_| {
            assert!(was_cut, "nothing was cut");
            vec![Verdict::Unknown; writes.len()]
        });
        let landed: Vec<bool> = writes.iter().map(|write| self.has_landed(write)).collect();
        assert!(landed.windows(2).all(|pair| pair[0] == pair[1]), "a commit is one transaction");
        for (verdict, landed) in verdicts.iter().zip(landed) {
            match verdict {
                Verdict::Done { .. } => assert!(landed, "done, but not there"),
                Verdict::NotDone => assert!(!landed, "not done, but there"),
                Verdict::Unknown => {}
                verdict => panic!("{verdict:?}"),
            }
        }
        // The same again does no harm, and then it has landed, once.
        for (write, verdict) in writes.iter().zip(self.store.commit(&writes, NOW).expect("commits")) {
            let settled = matches!(verdict, Verdict::Done { .. } | Verdict::Exists | Verdict::Conflict | Verdict::Gone);
            assert!(settled && self.has_landed(write), "{verdict:?}");
        }
        was_cut
    }

    /// Whether the row carries exactly the stamp of the write. If not, it is as it was before.
    fn has_landed(&self, write: &Write) -> bool {
        let wanted = write.record().expect("a record").stamp;
        let (id, base) = match &write.kind {
            WriteKind::Rename { to, base, .. } => (to, *base),
            WriteKind::Update { base, .. } => (&write.key, Some(*base)),
            _ => (&write.key, None),
        };
        let id = core::str::from_utf8(id.as_bytes()).expect("text");
        match known(&*self.store, id, None) {
            Loaded::Row(record) if record.stamp == wanted => {
                assert_eq!(json(&record, "n").as_deref().map(|text| text.trim_end_matches(".0")), Some("2"));
                true
            }
            Loaded::Absent => {
                assert!(!matches!(write.kind, WriteKind::Update { .. }), "the row is gone");
                false
            }
            other => {
                assert_eq!(Some(row(other).stamp), base, "neither before nor after");
                false
            }
        }
    }

    fn everywhere(&mut self, step: usize, make: fn(&mut Self) -> Vec<Write>) {
        for direction in [Direction::ToServer, Direction::ToClient] {
            // Prepares the statements.
            while self.cut(direction, u64::MAX / 2, make) {}
            let mut bytes = 0;
            while self.cut(direction, bytes, make) {
                bytes += step as u64;
            }
            assert!(bytes > 20, "{direction:?}: a commit takes more than {bytes} bytes");
        }
    }
}

fn one_create(scene: &mut Scene) -> Vec<Write> {
    vec![create(&scene.fresh(), record(2, &[("n", "2")]))]
}

fn stored(scene: &mut Scene) -> String {
    let id = scene.fresh();
    let made = scene.store.commit(&[create(&id, record(1, &[("n", "1")]))], NOW);
    assert_eq!(made, Ok(vec![Verdict::DONE]));
    id
}

fn one_update(scene: &mut Scene) -> Vec<Write> {
    vec![update(&stored(scene), stamp(1), record(2, &[("n", "2")]), &["n"])]
}

fn one_rename(scene: &mut Scene) -> Vec<Write> {
    let (from, to) = (stored(scene), scene.fresh());
    vec![rename(&from, stamp(1), &to, record(2, &[("n", "2")]))]
}

fn some_of_all(scene: &mut Scene) -> Vec<Write> {
    [one_update, one_update, one_create, one_rename, one_update].iter().flat_map(|make| make(scene)).collect()
}

#[test]
fn rails_rows() {
    let mut scene = Scene::new(Site::with_rails(), &rails());
    scene.everywhere(1, one_update);
    scene.everywhere(3, one_create);
    scene.everywhere(3, one_rename);
    scene.everywhere(11, some_of_all);
}

#[test]
fn lucee_rows() {
    let mut scene = Scene::new(Site::with_lucee(), &lucee());
    scene.everywhere(7, one_update);
    scene.everywhere(29, some_of_all);
}
