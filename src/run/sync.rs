//! A named sync point at its turn: its check is asked, its checkpoint written.

use petgraph::graph::NodeIndex;

use crate::fault::{Fault, planted};
use crate::finish::{self, checkpoint};
use crate::harvest::contains_secret;
use crate::outcome::{Failure, Outcome};
use crate::output::write_file;
use crate::plan::SyncId;
use crate::plan::mutators::task_graph;
use crate::prepare::{self, CallScope, Hindrance};
use crate::schedule::End;
use crate::store::Clash;
use crate::value::{Layout, Value};

use super::Running;

impl Running {
    pub(super) fn sync(&self, id: SyncId, node: NodeIndex) {
        assert!(!planted(Fault::Panic), "planted");
        let outcome = match self.check(id).and_then(|()| self.write(id, node)) {
            Ok(()) => Outcome::Succeeded,
            Err(failure) => Outcome::Failed { failure, forgiven: false },
        };
        let core = &mut *self.lock();
        let end = if outcome == Outcome::Succeeded { End::Passed } else { End::Failed };
        if end == End::Failed {
            core.failed(&self.options, &self.enders);
        }
        self.tell_sync(self.manifest.syncs[id.0 as usize].name.as_str().into(), outcome);
        core.schedule.ended(&core.plan, node, end);
    }

    fn check(&self, id: SyncId) -> Result<(), Failure> {
        let Some(check) = &self.manifest.syncs[id.0 as usize].check else { return Ok(()) };
        let wrong = |message: String| Failure::Check { message };
        let scope = {
            let core = &mut *self.lock();
            CallScope::of_sync(&core.plan, &mut core.store, id)
        };
        let scope = scope.map_err(|clash| self.in_conflict(clash))?;
        match scope.eval(&check.value) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => {
                let why = check.value.why_false(&scope).map(|why| format!(": {why}")).unwrap_or_default();
                Err(wrong(format!("the check `{}` does not hold{why}", check.value.source())))
            }
            Ok(other) => Err(wrong(prepare::not_boolean("check", &other))),
            Err(Hindrance::Failed(failure)) => Err(wrong(failure.to_string())),
            Err(Hindrance::Missing { message, .. }) => Err(wrong(message)),
            Err(Hindrance::Clash(clash)) => Err(self.in_conflict(clash)),
            Err(Hindrance::Condition) => Ok(()),
        }
    }

    fn write(&self, id: SyncId, node: NodeIndex) -> Result<(), Failure> {
        let Some(file) = &self.manifest.syncs[id.0 as usize].write else { return Ok(()) };
        let value = {
            let core = self.lock();
            let tasks = task_graph(&core.plan.manifest, &core.plan.world);
            let names = tasks.documents_before(&core.plan.manifest, tasks.sync_node(id));
            checkpoint(&core.plan, &core.store, node, &names)
        };
        let value = value.map_err(|clash| self.in_conflict(clash))?;
        if let Some(variable) = self.setting.secrets.given().find_in(&value) {
            return Err(Failure::Check { message: contains_secret("what it writes", variable) });
        }
        let file = self.manifest.dir.join(file);
        let written = write_file(&file, |out| finish::write(&value, Layout::Pretty, out));
        written.map_err(|error| Failure::Check {
            message: format!("cannot write `{}`: {error}", file.display()),
        })
    }

    fn in_conflict(&self, clash: Clash) -> Failure {
        self.stop_for(clash);
        Failure::Check { message: "calls are in conflict".to_owned() }
    }
}
