//! The live status of a campaign: one line, whatever the engine and however many processes.

use std::time::Instant;

use crate::finding::Signature;

/// What is known of a running campaign.
#[derive(Debug)]
pub(super) struct Live {
    /// Inputs run.
    pub(super) executions: u64,
    /// Inputs run each second.
    pub(super) rate: u64,
    /// Inputs kept.
    pub(super) corpus: u64,
    /// Edges of the code; 0 if it is not instrumented.
    pub(super) edges: u64,
    /// Features of interleaving, and of the code if there are edges.
    pub(super) features: u64,
    /// Findings that it went on after, each with how often.
    pub(super) findings: Vec<(Signature, u64)>,
    news: Instant,
}

impl Live {
    /// Nothing yet.
    pub(super) fn new() -> Live {
        let (executions, rate, corpus, edges, features) = (0, 0, 0, 0, 0);
        let (findings, news) = (Vec::new(), Instant::now());
        Live { executions, rate, corpus, edges, features, findings, news }
    }

    /// Takes in the latest figures: executions, rate, corpus, edges and features.
    pub(super) fn update(&mut self, [executions, rate, corpus, edges, features]: [u64; 5]) {
        if corpus > self.corpus || features > self.features {
            self.news = Instant::now();
        }
        (self.executions, self.rate) = (executions, rate);
        (self.corpus, self.edges, self.features) = (corpus, edges, features);
    }

    /// Counts a finding.
    pub(super) fn found(&mut self, signature: Signature) {
        match self.findings.iter_mut().find(|(known, _)| *known == signature) {
            Some((_, count)) => *count += 1,
            None => {
                self.findings.push((signature, 1));
                self.news = Instant::now();
            }
        }
    }

    /// The line.
    pub(super) fn line(&self) -> String {
        let Live { executions, rate, corpus, edges, features, .. } = self;
        let reached = match edges {
            0 => format!("{features} features"),
            _ => format!("{features} features, {edges} edges"),
        };
        let findings = self.findings.iter();
        let findings: Vec<String> =
            findings.map(|(signature, count)| format!("{signature} ({count})")).collect();
        let findings = match findings.len() {
            0 => "no findings".to_owned(),
            n => format!("{n} findings: {}", findings.join(", ")),
        };
        let quiet = self.news.elapsed().as_secs();
        format!(
            "{executions} runs, {rate}/s, {corpus} inputs, {reached}, last new {quiet} s ago, {findings}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Live;
    use crate::finding::Signature;

    #[test]
    fn one_line_says_it_all() {
        let mut live = Live::new();
        live.update([1000, 50, 7, 0, 300]);
        assert_eq!(
            live.line(),
            "1000 runs, 50/s, 7 inputs, 300 features, last new 0 s ago, no findings"
        );
        let signature = Signature { oracle: "deadlock", function: "quiescence" };
        live.found(signature);
        live.found(signature);
        live.update([1000, 50, 7, 9, 300]);
        assert!(live.line().ends_with(
            "300 features, 9 edges, last new 0 s ago, 1 findings: deadlock at quiescence (2)"
        ));
    }
}
