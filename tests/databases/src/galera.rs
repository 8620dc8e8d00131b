//! Three MariaDB servers as a Galera cluster.

use crate::folder::{self, User};
use crate::{Database, MariaDb, MariaDbOptions, Problem, mariadb, programs, template, wait_until};
use mysql::prelude::Queryable as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many nodes a cluster has.
pub const NODES: usize = 3;

/// How long a node may take to come, or come back, to the cluster's state.
const JOIN: Duration = Duration::from_mins(2);

/// Ends a node's suspicion of another one after a second instead of five.
const FAST: &str = "evs.keepalive_period=PT0.2S;evs.inactive_check_period=PT0.1S;evs.suspect_timeout=PT1S;\
    evs.inactive_timeout=PT2S;evs.install_timeout=PT2S;evs.delay_margin=PT0.2S;gmcast.peer_timeout=PT1S;gmcast.time_wait=PT1S";

/// Begins a cluster instead of looking for one.
const NEW: &str = "--wsrep-new-cluster";

/// Where a node keeps which state its data has, once it has ended in order.
const SAVED: &str = "grastate.dat";

/// How soon the nodes take a silent one for lost. Writes elsewhere wait for that long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Detection {
    /// As Galera comes: after 5 s.
    Usual,
    /// After 1 s, for tests that have other things to look at.
    Fast,
}

/// A running cluster; nodes are numbered from 0. It ends as its servers do: when it is dropped, or with the test process.
#[derive(Debug)]
pub struct Galera {
    nodes: Vec<MariaDb>,
}

impl Galera {
    /// Starts three nodes and waits until all are synced.
    ///
    /// # Errors
    /// When something isn't installed (the text says how to), or a node doesn't come up (with the end of its log).
    pub fn start(detection: Detection) -> Result<Self, Problem> {
        let seed = seed()?;
        let (group, position) = (Group::free()?, saved_position(&seed)?);
        let prepared = (0..NODES).map(|node| MariaDb::prepare(options(node, &group, detection)?.data_from(&seed)));
        let cluster = Self { nodes: prepared.collect::<Result<_, _>>()? };
        cluster.nodes[0].launch(&[NEW.to_owned(), position.clone()], is_synced)?;
        std::thread::scope(|scope| {
            let others: Vec<_> = cluster.nodes[1..]
                .iter()
                .map(|node| scope.spawn(|| node.launch(std::slice::from_ref(&position), is_synced)))
                .collect();
            let panicked = |_| Err(Problem::new("the thread that starts a node panicked"));
            others.into_iter().try_for_each(|other| other.join().unwrap_or_else(panicked))
        })?;
        cluster.wait_for_size(NODES)?;
        Ok(cluster)
    }

    /// A node.
    pub fn node(&self, number: usize) -> &MariaDb {
        &self.nodes[number]
    }

    /// A new database, which all nodes have when this returns.
    ///
    /// # Panics
    /// When the cluster refuses; it has no reason to while it is whole.
    pub fn database(&self) -> Database {
        let database = self.nodes[0].database();
        for node in &self.nodes {
            let there = || database.connect_as(&database.application, node.port()).is_ok();
            wait_until("the database is on all nodes", JOIN, there).expect("a cluster that is whole");
        }
        database
    }

    /// Kills a node, as `kill -9` does.
    pub fn kill(&self, number: usize) {
        self.nodes[number].kill();
    }

    /// Lets a node leave in order.
    ///
    /// # Errors
    /// When it doesn't end within a minute.
    pub fn stop(&self, number: usize) -> Result<(), Problem> {
        self.nodes[number].stop()
    }

    /// Brings back a node that was killed or stopped, and waits until it is synced. Gives how long that took.
    ///
    /// # Errors
    /// When it doesn't start, or doesn't find its cluster.
    pub fn rejoin(&self, number: usize) -> Result<Duration, Problem> {
        let watch = crate::Deadline::after(JOIN);
        let position = recovered_position(&self.nodes[number])?;
        self.nodes[number].launch(&[position], is_synced)?;
        Ok(watch.waited())
    }

    /// Cuts a node off from the others. Clients still reach it.
    ///
    /// # Errors
    /// What the node says.
    pub fn isolate(&self, number: usize) -> Result<(), Problem> {
        self.nodes[number].execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    }

    /// Lets a node that was cut off find the others again, and waits until it is synced. Gives how long that took.
    ///
    /// # Errors
    /// What the node says, or when it doesn't find its cluster.
    pub fn heal(&self, number: usize) -> Result<Duration, Problem> {
        let node = &self.nodes[number];
        node.execute("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")?;
        wait_until("the node is synced again", JOIN, || is_synced(node) && status(node, "wsrep_cluster_status") == "Primary")
    }

    /// What a node says of itself: `wsrep_cluster_status`, `wsrep_local_state_comment`, ...; empty if it doesn't answer.
    pub fn status(&self, number: usize, variable: &str) -> String {
        status(&self.nodes[number], variable)
    }

    /// Waits until the first node counts so many in the cluster. Gives how long that took.
    ///
    /// # Errors
    /// When it doesn't come to that.
    pub fn wait_for_size(&self, size: usize) -> Result<Duration, Problem> {
        wait_until("the cluster has this size", JOIN, || self.status(0, "wsrep_cluster_size") == size.to_string())
    }
}

fn status(node: &MariaDb, variable: &str) -> String {
    let ask = || {
        let row: Option<(String, String)> = node.admin()?.query_first(format!("SHOW GLOBAL STATUS LIKE '{variable}'"))?;
        Ok::<_, Problem>(row.map(|(_, value)| value).unwrap_or_default())
    };
    ask().unwrap_or_default()
}

fn is_synced(node: &MariaDb) -> bool {
    status(node, "wsrep_local_state_comment") == "Synced" && status(node, "wsrep_ready") == "ON"
}

/// The ports on which the nodes talk to each other. They stay the same when a node comes back.
struct Group {
    groups: Vec<u16>,
    increments: Vec<u16>,
    snapshots: Vec<u16>,
}

impl Group {
    fn free() -> Result<Self, Problem> {
        let three = || (0..NODES).map(|_| mariadb::free_port()).collect::<Result<Vec<u16>, Problem>>();
        Ok(Self { groups: three()?, increments: three()?, snapshots: three()? })
    }
}

/// Who runs the servers when root runs the tests: the rsync that carries data from node to node gives up root's rights and
/// could not write into root's folders.
fn server_user() -> Option<User> {
    if mariadb::user() == "root" { User::find("mysql") } else { None }
}

fn options(node: usize, ports: &Group, detection: Detection) -> Result<MariaDbOptions, Problem> {
    let provider = programs::galera_provider()?;
    let (group, increment) = (ports.groups[node], ports.increments[node]);
    let members: Vec<String> = ports.groups.iter().map(|port| format!("127.0.0.1:{port}")).collect();
    let detection = if detection == Detection::Fast { FAST } else { "" };
    let provider_options = format!(
        "base_host=127.0.0.1;base_port={group};gmcast.listen_addr=tcp://127.0.0.1:{group};ist.recv_addr=127.0.0.1:{increment};\
         ist.recv_bind=127.0.0.1:{increment};gcache.size=32M;pc.recovery=true;{detection}"
    );
    let options = MariaDb::options().run_as(server_user()).flush_log_at_commit(1).set("wsrep_on", "ON");
    Ok(options
        .set("binlog_format", "ROW")
        .set("innodb_autoinc_lock_mode", "2")
        .set("wsrep_provider", &provider.display().to_string())
        .set("wsrep_provider_options", &provider_options)
        .set("wsrep_cluster_name", "holdall_test")
        .set("wsrep_cluster_address", &format!("gcomm://{}", members.join(",")))
        .set("wsrep_node_name", &format!("node{node}"))
        .set("wsrep_node_address", &format!("127.0.0.1:{group}"))
        .set("wsrep_sst_method", "rsync")
        .set("wsrep_sst_receive_address", &format!("127.0.0.1:{}", ports.snapshots[node]))
        .set("wsrep_slave_threads", "2"))
}

/// Data that all nodes begin with, so that none has to fetch it from another: that of a cluster of one, which has ended.
fn seed() -> Result<PathBuf, Problem> {
    let base = template::find(mariadb::user())?;
    template::find_or_make(&format!("{}-galera", mariadb::user()), |_, data| {
        let mut alone = Group::free()?;
        alone.groups.truncate(1);
        let node = MariaDb::prepare(options(0, &alone, Detection::Usual)?.data_from(base))?;
        node.launch(&[NEW.to_owned()], is_synced)?;
        node.stop()?;
        folder::copy(&node.data(), data)?;
        // Its history, which the copies can't have taken part in, and the members that it saw.
        for own in ["galera.cache", "gvwstate.dat"] {
            let file = data.join(own);
            if file.exists() {
                fs::remove_file(file)?;
            }
        }
        Ok(())
    })
}

/// The word that tells a node up to where its data goes, as it wrote down when it ended.
fn saved_position(data: &Path) -> Result<String, Problem> {
    let text = fs::read_to_string(data.join(SAVED))?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    match (value("uuid:"), value("seqno:")) {
        (Some(state), Some(number)) => Ok(format!("--wsrep-start-position={state}:{number}")),
        _ => Err(Problem::new(format!("the cluster's state was not understood: {text}"))),
    }
}

/// The same for a node that may have been killed: the server is asked, as the packaged service does.
fn recovered_position(node: &MariaDb) -> Result<String, Problem> {
    let log = node.data().with_file_name("recover.log");
    let mut command = node.command()?;
    // The last of two equal options counts.
    command.arg("--wsrep-recover").arg(format!("--log-error={}", log.display()));
    let output = command.output()?;
    let text = fs::read_to_string(&log)?;
    let position = text.lines().rev().find_map(|line| line.split_once("Recovered position:"));
    let position = position.map(|(_, position)| format!("--wsrep-start-position={}", position.trim()));
    position.ok_or_else(|| Problem::new(format!("the node's position was not found ({}): {text}", output.status)))
}
