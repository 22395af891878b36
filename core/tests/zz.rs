//! zz
use racewalk::prog::{self, Shape, Schedule}; use racewalk::*;
fn random(seed: u64) -> impl FnMut() -> u32 { let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1; move || { state ^= state << 13; state ^= state >> 7; state ^= state << 17; (state >> 32) as u32 } }
#[test] fn zz() { let mut m = Machine::new(); let mut bad = 0;
  for seed in 0..300u64 { let mut p = prog::generate(&mut random(seed), &Shape::default()); p.head.seed = seed; p.head.policy = match seed % 3 { 0 => prog::Policy::Records, 1 => prog::Policy::Random{mean: 1+(seed%16) as u8}, _ => prog::Policy::Pct{depth:3}};
   let o = m.run(&p, &Options{record: true, ..Default::default()});
   p.head.policy = prog::Policy::Records; p.schedule = Schedule::Turns(o.turns.clone());
   let b = m.run(&p, &Options{record: true, ..Default::default()});
   let (x, y) = (o.trace.unwrap(), b.trace.unwrap());
   if x.hash() != y.hash() { bad += 1; if bad == 1 {
     let i = x.events().iter().zip(y.events()).position(|(a,b)| a != b);
     println!("seed {seed} len {} {} differ at {i:?}", x.events().len(), y.events().len());
     if let Some(i) = i { for k in i.saturating_sub(8)..i+3 { println!("{:?}\n    {:?}", x.events()[k], y.events()[k]); } }
     println!("{:?}\n{:?}", o.turns, b.turns); } } }
  println!("bad {bad}"); }
