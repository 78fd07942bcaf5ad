//! What bounds the run, as the schedule takes it: the manifest's pools, and what each task's calls need.

use crate::manifest::{Amount, Manifest, PoolKind, RetryOn, Task};
use crate::outcome::Failure;
use crate::prepare::{CallScope, Hindrance};
use crate::schedule::demand::{Demand, Grant, Rules, TaskRules, Wants};
use crate::schedule::pools::{Capacity, PoolId};
use crate::schedule::retry;
use crate::schedule::retry::RetryPolicy;

/// The rules of a run with so many slots. Constant amounts beyond a pool were refused with the manifest.
pub fn rules(manifest: &Manifest, jobs: usize, seed: u64) -> Rules {
    let pools = manifest.pools.iter().map(|pool| match &pool.kind {
        PoolKind::Count(amount) => Capacity::Amount(*amount),
        PoolKind::Indexed(items) => Capacity::Items(u32::try_from(items.len()).unwrap_or(u32::MAX)),
        PoolKind::Rate { amount, per } => Capacity::Rate { amount: *amount, per: *per },
    });
    let tasks =
        manifest.tasks.iter().map(|task| TaskRules { wants: wants(manifest, task), retry: policy(task) });
    let jobs = u32::try_from(jobs).unwrap_or(u32::MAX);
    Rules::new(jobs, pools.collect(), tasks.collect(), seed).unwrap_or_else(|_| Rules::unbounded())
}

fn policy(task: &Task) -> RetryPolicy {
    let retry_on = match &task.retry_on {
        RetryOn::Any => retry::RetryOn::All,
        RetryOn::These { codes, timeout } => {
            retry::RetryOn::Listed { codes: codes.clone(), timeout: *timeout }
        }
    };
    RetryPolicy { retries: task.retries, delay: task.retry_delay, retry_on }
}

fn wants(manifest: &Manifest, task: &Task) -> Wants {
    let constant = |amount: &Amount| match amount {
        Amount::Constant(amount) => Some(*amount),
        Amount::Expression(_) => None,
    };
    let amounts: Option<Vec<u64>> = task.amounts().map(constant).collect();
    amounts.map_or(Wants::Computed, |amounts| Wants::Fixed(demand(manifest, task, &amounts)))
}

/// `amounts`: of `cpus`, then of each entry of `uses`.
fn demand(manifest: &Manifest, task: &Task, amounts: &[u64]) -> Demand {
    let cpus = amounts.first().copied().unwrap_or(1);
    let pools = task.uses.iter().zip(amounts.iter().skip(1)).filter_map(|(wanted, &amount)| {
        let place = manifest.pools.iter().position(|pool| pool.name == wanted.pool)?;
        Some((PoolId(place as u32), amount))
    });
    Demand::new(u32::try_from(cpus).unwrap_or(u32::MAX), pools)
}

/// What an attempt needs, where that is computed for each.
pub fn computed(manifest: &Manifest, task: &Task, scope: &CallScope) -> Result<Demand, Hindrance> {
    let wrong = |message: String| Hindrance::Failed(Failure::Expression { message });
    let mut amounts = Vec::with_capacity(1 + task.uses.len());
    for amount in task.amounts() {
        amounts.push(match amount {
            Amount::Constant(amount) => *amount,
            Amount::Expression(expression) => Amount::of_value(&scope.eval(&expression.value)?)
                .map_err(|why| wrong(format!("`{}`: {why}", expression.value.source())))?,
        });
    }
    if amounts.first() == Some(&0) {
        return Err(wrong("`cpus` must be at least 1, and it is 0".to_owned()));
    }
    Ok(demand(manifest, task, &amounts))
}

/// The variables that tell a call what it was granted of the pools: items of an indexed one, else the amount.
pub fn pool_variables(manifest: &Manifest, task: &Task, grant: &Grant) -> Vec<(String, String)> {
    let variable = |name: &str| format!("DECO_POOL_{}", name.to_uppercase());
    let items = grant.items.iter().filter_map(|(pool, items)| {
        let pool = manifest.pools.get(pool.0 as usize)?;
        let PoolKind::Indexed(names) = &pool.kind else { return None };
        let names: Vec<&str> =
            items.iter().filter_map(|&item| names.get(item as usize)).map(String::as_str).collect();
        Some((variable(pool.name.as_str()), names.join(",")))
    });
    let constant = task.uses.iter().filter_map(|wanted| {
        let pool = manifest.pools.iter().find(|pool| pool.name == wanted.pool)?;
        match (&wanted.amount, &pool.kind) {
            (Amount::Constant(amount), PoolKind::Count(_)) => {
                Some((variable(pool.name.as_str()), amount.to_string()))
            }
            _ => None,
        }
    });
    items.chain(constant).collect()
}
