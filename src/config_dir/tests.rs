//! A change while another program writes the same file.

use std::fs;

use super::*;
use crate::context::Env;
use crate::time::Timestamp;

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(0)
    }

    fn sleep(&self, _: Duration) {}
}

/// The existing client writes while a change is on its way: neither is lost.
#[test]
fn what_a_program_without_the_lock_writes_is_kept() {
    let dir = std::env::temp_dir().join(format!("ntcli-config-{}", std::process::id()));
    let env = Env::new([("NTCLI_CONFIG_DIR".into(), dir.clone().into())]);
    let paths = Paths::find(&env).unwrap();
    let lock = ConfigDir::lock(&paths, Duration::ZERO, &StillClock, Box::new(|_| {}));
    let (mut locked, _) = lock.unwrap();
    // For ever, where a file system tells of a file what it likes.
    for times in [0, 1, 2, 100] {
        let mut left = times;
        let changed = locked.update(|config| {
            if left > 0 {
                left -= 1;
                let theirs = format!("{{\"theirs\": {left}}}");
                fs::write(&*paths.config, theirs).unwrap();
            }
            config.set_domain("example.org", false);
        });
        assert_eq!(changed.unwrap().domain(), "example.org");
        let text = fs::read_to_string(&*paths.config).unwrap();
        assert!(text.contains("example.org"), "{times}: {text}");
        assert_eq!(text.contains("\"theirs\": 0"), (1..100).contains(&times), "{times}: {text}");
        fs::remove_file(&*paths.config).unwrap();
    }
    drop(locked);
    fs::remove_dir_all(dir).unwrap();
}
