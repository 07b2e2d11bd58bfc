//! What the service reports to its manager, as systemd receives it (sd_notify(3)): ready, alive, stopping.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::support::node::{Node, wait_for};
use crate::support::world::World;

const LIMIT: Duration = Duration::from_secs(60);

/// The socket of a manager whose watchdog bites after this time.
struct Manager {
    socket: UnixDatagram,
    directory: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(directory.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        Self { socket, directory }
    }

    fn start(&self, world: &World, node: &mut Node, failpoint: Option<&str>) {
        let mut command = node.command(world, &["run"]);
        command.env("NOTIFY_SOCKET", self.directory.path().join("notify")).env("WATCHDOG_USEC", "1000000");
        if let Some(point) = failpoint {
            command.env("TIELINE_FAILPOINT", point);
        }
        node.service = Some(node.site.serve_as(command));
    }

    /// The next thing said; `None` when nothing is for a while.
    fn hear(&self) -> Option<String> {
        let mut buffer = [0; 1024];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).trim().to_owned())
    }

    fn wait_for(&self, word: &str, node: &Node) {
        wait_for(format_args!("the service says {word}: {}", node.log()), LIMIT, || self.hear().filter(|said| said.contains(word)));
    }
}

#[test]
fn the_manager_hears_that_the_service_is_ready_alive_and_stopping() {
    let world = World::start();
    let (manager, mut node) = (Manager::new(), Node::new(&world));
    manager.start(&world, &mut node, None);
    manager.wait_for("READY=1", &node);
    for _ in 0..3 {
        manager.wait_for("WATCHDOG=1", &node);
    }
    node.signal(nix::sys::signal::Signal::SIGTERM);
    manager.wait_for("STOPPING=1", &node);
    assert_eq!(node.terminate(), Some(0), "{}", node.log());
}

#[test]
fn a_thread_that_does_not_come_back_silences_the_watchdog() {
    let world = World::start();
    // long enough that the process does not end before the manager would end it
    let (manager, mut node) = (Manager::new(), Node::new(&world).with("FLOWS__STUCK_SECONDS", "30"));
    let key = node.key(&world);
    world.syspro.tick(1).unwrap();
    // one record is posted alone, several in a batch
    manager.start(&world, &mut node, Some("hang@http:POST:/api/now/*"));
    manager.wait_for("READY=1", &node);
    node.run_all(&key);
    let started = Instant::now();
    // nobody reads the service's notifications in the meantime: this must not block it
    while !node.ready().is_some_and(|(_, body)| body.contains("actor writer has not answered")) {
        assert!(started.elapsed() < LIMIT, "readiness does not say that the Writer is stuck: {:?} {}", node.ready(), node.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    // earlier notifications are still in the socket
    while manager.hear().is_some() {}
    let (silent, still) = (Instant::now(), Duration::from_secs(3));
    while silent.elapsed() < still {
        assert_eq!(manager.hear(), None, "{}", node.log());
    }
    node.kill();
}
