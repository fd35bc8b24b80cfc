//! A page of samples as a test wants them: by family and labels. Strict where the format is.

use std::collections::BTreeMap;

pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(crate) struct Samples(BTreeMap<String, Vec<(Labels, f64)>>);

impl Samples {
    /// Reads a page; panics at a line that is none.
    pub(crate) fn parse(text: &str) -> Self {
        let mut samples = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels, value) = parse_line(line).unwrap_or_else(|| panic!("not a sample: {line}"));
            let family = samples.0.entry(name).or_default();
            assert!(!family.iter().any(|(known, _)| *known == labels), "twice: {line}");
            family.push((labels, value));
        }
        samples
    }

    pub(crate) fn families(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// All samples of a family.
    pub(crate) fn all(&self, family: &str) -> impl Iterator<Item = (&Labels, f64)> {
        self.0.get(family).into_iter().flatten().map(|(labels, value)| (labels, *value))
    }

    pub(crate) fn nonzero(&self, family: &str) -> impl Iterator<Item = (&Labels, f64)> {
        self.all(family).filter(|(_, value)| *value != 0.0)
    }

    fn matching(&self, family: &str, wanted: &[(&str, &str)]) -> impl Iterator<Item = f64> {
        self.all(family)
            .filter(|(labels, _)| {
                wanted.iter().all(|(name, value)| labels.get(*name).is_some_and(|has| has == value))
            })
            .map(|(_, value)| value)
    }

    /// The one sample that has these labels, others apart.
    pub(crate) fn get(&self, family: &str, wanted: &[(&str, &str)]) -> Option<f64> {
        let mut values = self.matching(family, wanted);
        let value = values.next();
        assert!(values.next().is_none(), "{family}{wanted:?} is more than one sample");
        value
    }

    pub(crate) fn sum(&self, family: &str, wanted: &[(&str, &str)]) -> f64 {
        self.matching(family, wanted).sum()
    }
}

fn parse_line(line: &str) -> Option<(String, Labels, f64)> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"")?;
            let mut value = String::new();
            let mut letters = after.char_indices();
            let end = loop {
                match letters.next()? {
                    (_, '\\') => value.push(match letters.next()?.1 {
                        'n' => '\n',
                        letter @ ('\\' | '"') => letter,
                        _ => return None,
                    }),
                    (end, '"') => break end,
                    (_, letter) => value.push(letter),
                }
            };
            labels.insert(label.to_owned(), value);
            rest = after[end + 1..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    Some((name.to_owned(), labels, rest.strip_prefix(' ')?.parse().ok()?))
}
