//! What may go wrong, and in what kind of world.

/// What happens at the chosen effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rotation::tests) enum Trouble {
    /// The process is killed before the effect, or after it.
    KillBefore,
    KillAfter,
    /// The power fails after it: this part of the unsynced data is lost.
    PowerCut(Loss),
    /// A request fails in this way, carried out or not. A write fails, or seems to.
    Fails,
    FailsDone,
    /// A gateway answers 503, after the server has carried the request out or instead of it.
    Busy,
    BusyDone,
    /// A gateway answers 404 in its own words.
    NotFound,
    NotFoundDone,
    /// Every effect on the disk fails from here on, without being applied.
    DiskDies,
    /// The disk is full from here on: nothing is written, but files can be shortened and removed.
    DiskFull,
    /// No request gets through from here on.
    NetDies,
    /// The engine takes a push over only now, after its command was given up: before the next effect, or
    /// once some machine has pulled.
    LateSoon,
    LateAfterPull,
    /// A push is applied twice: its second comparison fails, and that is what is reported.
    Twice,
    /// The engine is not reached from here on.
    EngineDies,
}

/// What a power cut loses: each file independently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rotation::tests) enum Loss {
    Everything,
    Journal,
    History,
    /// The journal's last line is there only in part.
    Torn,
    /// The first block that was not synced reads as zeros, what follows is there.
    Hole,
}

pub(in crate::rotation::tests) const TROUBLES: [Trouble; 16] = [
    Trouble::KillBefore,
    Trouble::KillAfter,
    Trouble::PowerCut(Loss::Everything),
    Trouble::PowerCut(Loss::Journal),
    Trouble::PowerCut(Loss::History),
    Trouble::PowerCut(Loss::Torn),
    Trouble::PowerCut(Loss::Hole),
    Trouble::Fails,
    Trouble::FailsDone,
    Trouble::Busy,
    Trouble::BusyDone,
    Trouble::NotFound,
    Trouble::NotFoundDone,
    Trouble::DiskDies,
    Trouble::DiskFull,
    Trouble::NetDies,
];

/// What may happen where the state is kept in an engine.
pub(in crate::rotation::tests) const SHARED_TROUBLES: [Trouble; 12] = [
    Trouble::KillBefore,
    Trouble::KillAfter,
    Trouble::PowerCut(Loss::Everything),
    Trouble::PowerCut(Loss::Journal),
    Trouble::Fails,
    Trouble::FailsDone,
    Trouble::BusyDone,
    Trouble::NotFound,
    Trouble::LateSoon,
    Trouble::LateAfterPull,
    Trouble::Twice,
    Trouble::EngineDies,
];

impl Trouble {
    /// Whether it can happen to a command of the engine only.
    pub(super) fn is_of_engine(self) -> bool {
        use Trouble::{EngineDies, LateAfterPull, LateSoon, Twice};
        matches!(self, LateSoon | LateAfterPull | Twice | EngineDies)
    }

    /// Whether it can happen to a request only.
    pub(super) fn is_of_network(self) -> bool {
        use Trouble::{Busy, BusyDone, NetDies, NotFound, NotFoundDone};
        matches!(self, Busy | BusyDone | NotFound | NotFoundDone | NetDies)
    }

    /// Whether it can happen to a file only.
    pub(super) fn is_of_disk(self) -> bool {
        matches!(self, Self::DiskDies | Self::DiskFull)
    }
}

/// The command that is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rotation::tests) enum Command {
    Refresh,
    /// `token rollback`, after a refresh.
    Rollback,
    /// `token create`, with and without `--save`.
    Create,
    CreateSaved,
    /// `token revoke`, of the current token and of one that was handed out.
    RevokeCurrent,
    RevokeOther,
    /// `auth logout --all`.
    Logout,
    WorkspaceCreate,
    WorkspaceDelete,
}

pub(in crate::rotation::tests) const COMMANDS: [Command; 9] = [
    Command::Refresh,
    Command::Rollback,
    Command::Create,
    Command::CreateSaved,
    Command::RevokeCurrent,
    Command::RevokeOther,
    Command::Logout,
    Command::WorkspaceCreate,
    Command::WorkspaceDelete,
];

/// What kind of world.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools)] // a world has many
pub(in crate::rotation::tests) struct Kind {
    pub(in crate::rotation::tests) workspaces: usize,
    /// This server's `token_auth` says 401 to everything, so that nothing can be verified.
    pub(in crate::rotation::tests) mute: bool,
    /// Two targets are remembered with each workspace.
    pub(in crate::rotation::tests) targets: bool,
    /// Old tokens are kept live for so many seconds.
    pub(in crate::rotation::tests) grace_s: Option<u64>,
    /// New tokens are not accepted, nor listed, for so many seconds.
    pub(in crate::rotation::tests) news_s: i64,
    /// New tokens lack a right that the first ones have.
    pub(in crate::rotation::tests) narrows: bool,
    /// The list tells lifetimes, and each request asks for one of its own.
    pub(in crate::rotation::tests) lifetimes: bool,
    /// Two machines keep their state in one engine.
    pub(in crate::rotation::tests) shared: bool,
    /// How far the second machine's clock is ahead.
    pub(in crate::rotation::tests) apart_s: i64,
}

pub(in crate::rotation::tests) const ONE: Kind = Kind {
    workspaces: 1,
    mute: false,
    targets: false,
    grace_s: None,
    news_s: 0,
    narrows: false,
    lifetimes: false,
    shared: false,
    apart_s: 0,
};

const TWO: Kind = Kind { workspaces: 2, ..ONE };

/// Runs are ten minutes apart: one grace is over in the next run, the other is not.
pub(in crate::rotation::tests) const KINDS: [Kind; 11] = [
    ONE,
    Kind { mute: true, ..ONE },
    Kind { targets: true, ..ONE },
    Kind { targets: true, grace_s: Some(1000), ..ONE },
    Kind { news_s: 60, ..ONE },
    TWO,
    Kind { mute: true, targets: true, ..TWO },
    Kind { targets: true, grace_s: Some(300), ..TWO },
    Kind { workspaces: 3, targets: true, ..ONE },
    Kind { lifetimes: true, ..ONE },
    Kind { narrows: true, targets: true, ..ONE },
];

/// Those in which two machines keep their state in one engine.
pub(in crate::rotation::tests) const SHARED: [Kind; 5] = [
    Kind { shared: true, targets: true, ..ONE },
    Kind { shared: true, targets: true, lifetimes: true, ..ONE },
    Kind { shared: true, targets: true, grace_s: Some(300), apart_s: 90, ..ONE },
    Kind { shared: true, targets: true, mute: true, apart_s: -90, ..ONE },
    Kind { shared: true, targets: true, news_s: 60, ..ONE },
];
