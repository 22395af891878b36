//! A free run: the same program on OS threads, with nobody conducting; the oracles look when all is quiet.

use super::boot::{boot, config};
use super::layout::Layout;
use super::machine::Options;
use super::outcome::{Verdict, Violation};
use super::{Variant, interp, os};
use crate::mm::Kernel;
use crate::oracle::{ORACLES, Observed, Recount, View};
use crate::prog::{Program, Setup};
use crate::sync::Cpu;

/// Runs a program on OS threads, one a CPU. Its schedule is ignored: the hardware decides.
pub fn free_run(program: &Program, options: &Options) -> Verdict {
    let variant = options.variant.clone().unwrap_or_else(|| Variant::of(program));
    let hpn = u32::from(options.hpn.unwrap_or(program.head.hpn));
    let axes = options.axes.unwrap_or(program.head.axes);
    let mut kernel = Kernel::new(hpn, config(axes), variant.steps());
    boot(&mut kernel, program);
    let layout = Layout::of(program, hpn as u16);
    let first = Cpu::free(0, &kernel.smp);
    for (n, item) in (0..).zip(&program.setup) {
        if let Setup::Do(op) = *item {
            interp::call(&first, &kernel, &layout, op, 0x1000 + n);
        }
    }
    os::free_run(&kernel.smp, program.cpus.len(), &|cpu| {
        for (n, &op) in (0..).zip(&program.cpus[usize::from(cpu.id())]) {
            interp::call(cpu, &kernel, &layout, op, 0x100 * (u64::from(cpu.id()) + 1) + n);
            kernel.rcu_do_batch(cpu);
        }
        // Whoever ends gives back what it holds.
        kernel.gup_put_all(cpu);
    });
    kernel.gup_put_all(&first);
    kernel.rcu_do_batch(&first);
    quiesce(&kernel, hpn)
}

fn quiesce(kernel: &Kernel, hpn: u32) -> Verdict {
    let mut recount = Recount::default();
    recount.count(kernel);
    let observed = Observed::new(hpn);
    let view = View { kernel, observed: &observed };
    for oracle in ORACLES {
        if let Some(check) = oracle.quiesce
            && let Err(wrong) = check(&view, &recount)
        {
            return Verdict::Violation(Box::new(Violation {
                oracle,
                function: "quiescence",
                label: "quiescence",
                detail: wrong.detail,
                objects: wrong.objects,
                cpu: 0,
                step: 0,
                op: 0,
                debts: Vec::new(),
            }));
        }
    }
    Verdict::Clean
}
