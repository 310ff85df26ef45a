//! A request that is held back until a test lets it go.

use std::sync::{Arc, OnceLock};

use crate::control_plane::{Fault, Route, Times};
use crate::harness::wait::wait_for;
use crate::harness::world::{World, wait_until};

/// Must be opened: what comes after it waits for that.
pub(crate) struct Gate {
    passed: Arc<OnceLock<()>>,
    reached: Arc<OnceLock<()>>,
}

impl Gate {
    /// In front of a request that is not carried out: the connection is closed instead.
    pub(crate) fn before_a_loss(world: &World, route: Route) -> Self {
        Gate::at(world, route, |f| Fault::Call { after: false, f })
    }

    /// In front of a request that is then carried out, whether or not the client still waits.
    pub(crate) fn before(world: &World, route: Route) -> Self {
        Gate::at(world, route, Fault::Wait)
    }

    fn at(
        world: &World,
        route: Route,
        fault: impl FnOnce(Arc<dyn Fn() + Send + Sync>) -> Fault,
    ) -> Self {
        let gate = Gate { passed: Arc::default(), reached: Arc::default() };
        let (passed, reached) = (Arc::clone(&gate.passed), Arc::clone(&gate.reached));
        let wait = Arc::new(move || {
            reached.set(()).ok();
            wait_for(&passed);
        });
        world.plane.fault(route, Times::Once, fault(wait));
        gate
    }

    pub(crate) fn wait_for_request(&self) {
        wait_until("the request is there", || self.reached.get().is_some());
    }

    pub(crate) fn open(&self) {
        self.passed.set(()).unwrap();
    }
}
