//! What may go wrong, and in what kind of world.

/// What happens at the chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rotation::tests) enum Trouble {
    /// The process is killed before the effect.
    KillBefore,
    /// The process is killed after it.
    KillAfter,
    /// The power fails after it: what was not made durable is gone.
    PowerCutAfter,
    /// It fails and has not happened.
    Fails,
    /// It fails, and has happened all the same.
    FailsDone,
    /// Every effect on the disk fails from here on; nothing of it happens.
    DiskDies,
    /// The disk is full from here on: nothing is written, but files can be shortened and removed.
    DiskFull,
    /// No request gets through from here on.
    NetDies,
}

pub(in crate::rotation::tests) const TROUBLES: [Trouble; 8] = [
    Trouble::KillBefore,
    Trouble::KillAfter,
    Trouble::PowerCutAfter,
    Trouble::Fails,
    Trouble::FailsDone,
    Trouble::DiskDies,
    Trouble::DiskFull,
    Trouble::NetDies,
];

/// What kind of world.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::rotation::tests) struct Kind {
    pub(in crate::rotation::tests) workspaces: usize,
    /// This server's `token_auth` says 401 to everything, so that nothing can be verified.
    pub(in crate::rotation::tests) mute: bool,
    /// New tokens are handed on.
    pub(in crate::rotation::tests) hooks: bool,
    /// Old tokens are left live for so many seconds.
    pub(in crate::rotation::tests) grace_s: Option<u64>,
}

pub(in crate::rotation::tests) const ONE: Kind = Kind {
    workspaces: 1,
    mute: false,
    hooks: false,
    grace_s: None,
};

const TWO: Kind = Kind {
    workspaces: 2,
    ..ONE
};

/// Runs are ten minutes apart: one grace is over in the next run, the other is not.
pub(in crate::rotation::tests) const KINDS: [Kind; 9] = [
    ONE,
    Kind { mute: true, ..ONE },
    Kind { hooks: true, ..ONE },
    Kind {
        grace_s: Some(1000),
        ..ONE
    },
    TWO,
    Kind { mute: true, ..TWO },
    Kind {
        mute: true,
        hooks: true,
        ..TWO
    },
    Kind {
        hooks: true,
        grace_s: Some(300),
        ..TWO
    },
    Kind {
        workspaces: 3,
        hooks: true,
        ..ONE
    },
];
