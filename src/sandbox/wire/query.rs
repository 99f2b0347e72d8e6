//! The request: EC2's Query protocol, `Filter.1.Value.2=x` and the like, read into a tree.
//!
//! Every read is checked and says which parameter is wrong. Nothing here knows an action.

use std::collections::BTreeMap;

use super::errors::Ec2Error;

/// Parameters in one request: 50 filters of 200 values fit, with room to spare.
pub(crate) const PARAMETERS_MAX: usize = 20_000;
/// Length of one parameter's name.
const NAME_BYTES_MAX: usize = 256;
/// Dots in one parameter's name; the model's deepest is 6.
const DEPTH_MAX: usize = 8;

/// A parsed request.
#[derive(Debug)]
pub(crate) struct Query {
    root: Node,
    flat: BTreeMap<String, String>,
}

/// One level of a request: its own value and what is below it.
#[derive(Debug, Default)]
pub(crate) struct Node {
    path: String,
    value: Option<String>,
    members: BTreeMap<String, Node>,
    items: BTreeMap<u32, Node>,
}

impl Query {
    /// Reads form-encoded bytes, of a body or a query string.
    pub(crate) fn parse(form: &[u8]) -> Result<Self, Ec2Error> {
        let mut query = Self { root: Node::default(), flat: BTreeMap::new() };
        for (count, (name, value)) in form_urlencoded::parse(form).enumerate() {
            if count == PARAMETERS_MAX {
                let message = format!("The request has more than {PARAMETERS_MAX} parameters");
                return Err(Ec2Error::new("InvalidRequest", message));
            }
            if name.is_empty() {
                continue;
            }
            query.insert(&name, value.into_owned())?;
        }
        Ok(query)
    }

    /// A request made of these parameters.
    pub(crate) fn of(parameters: &BTreeMap<String, String>) -> Result<Self, Ec2Error> {
        let mut query = Self { root: Node::default(), flat: BTreeMap::new() };
        for (name, value) in parameters {
            query.insert(name, value.clone())?;
        }
        Ok(query)
    }

    /// Every parameter by its full name.
    pub(crate) fn parameters(&self) -> &BTreeMap<String, String> {
        &self.flat
    }

    fn insert(&mut self, name: &str, value: String) -> Result<(), Ec2Error> {
        if name.len() > NAME_BYTES_MAX || name.split('.').count() > DEPTH_MAX {
            return Err(Ec2Error::new("InvalidRequest", "The request has a parameter name that is too long"));
        }
        let mut node = &mut self.root;
        for (end, step) in steps(name) {
            node = match step.parse() {
                Ok(index) => node.items.entry(index).or_default(),
                Err(_) => node.members.entry(step.to_owned()).or_default(),
            };
            if node.path.is_empty() {
                name[..end].clone_into(&mut node.path);
            }
        }
        node.value = Some(value.clone());
        self.flat.insert(name.to_owned(), value);
        Ok(())
    }

    /// The top level.
    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    /// Refuses parameters that the action does not have. Those that every request may carry
    /// (the action itself, and the older ways to sign) are always allowed.
    pub(crate) fn allow_only(&self, known: &[&str]) -> Result<(), Ec2Error> {
        const COMMON: [&str; 8] = [
            "Action",
            "Version",
            "DryRun",
            "AWSAccessKeyId",
            "Signature",
            "SignatureMethod",
            "SignatureVersion",
            "Timestamp",
        ];
        match self.root.members.keys().find(|name| {
            !known.contains(&name.as_str()) && !COMMON.contains(&name.as_str()) && !name.starts_with("X-Amz-")
        }) {
            Some(name) => Err(Ec2Error::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
            None => Ok(()),
        }
    }

    /// Every parameter but those named and the signature's, in one canonical text: two requests
    /// that ask the same give the same text.
    pub(crate) fn canonical(&self, without: &[&str]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.flat {
            let signature = name.starts_with("X-Amz-") || name.starts_with("Signature") || name == "Timestamp";
            if !signature && !without.contains(&name.as_str()) {
                form.append_pair(name, value);
            }
        }
        form.finish()
    }
}

/// The steps of a dotted name, each with the offset where it ends.
fn steps(name: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    name.split('.').map(move |step| {
        let end = start + step.len();
        start = end + 1;
        (end, step)
    })
}

impl Node {
    /// The name under which the client sent this, for error messages.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// This node's own text.
    pub(crate) fn own_text(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// What is below `name`.
    pub(crate) fn member(&self, name: &str) -> Option<&Node> {
        self.members.get(name)
    }

    /// The names of everything below.
    pub(crate) fn member_names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// Refuses members that the structure does not have.
    pub(crate) fn allow_only(&self, known: &[&str]) -> Result<(), Ec2Error> {
        match self.member_names().find(|name| !known.contains(name)) {
            Some(name) => {
                let message = format!("The parameter {} is not recognized", self.path_of(name));
                Err(Ec2Error::new("UnknownParameter", message))
            }
            None => Ok(()),
        }
    }

    /// Refuses by name members that EC2 has and the sandbox has not.
    pub(crate) fn refuse(&self, not_served: &[&str]) -> Result<(), Ec2Error> {
        match not_served.iter().find(|name| self.gives(name)) {
            Some(name) => Err(Ec2Error::not_served(&format!("the parameter {}", self.path_of(name)))),
            None => Ok(()),
        }
    }

    /// Whether the request says anything under `name`: an empty text says nothing.
    pub(crate) fn gives(&self, name: &str) -> bool {
        self.member(name).is_some_and(|node| {
            node.own_text().is_some_and(|text| !text.is_empty()) || !node.members.is_empty() || !node.items.is_empty()
        })
    }

    /// The items of a list in their order; gaps in the numbering are allowed, as in EC2.
    pub(crate) fn list(&self, name: &str) -> impl Iterator<Item = &Node> {
        self.member(name).into_iter().flat_map(|list| list.items.values())
    }

    /// The texts of a list. One that is sent without a number is an item like any other: dropping
    /// it would turn "this image" into "all images".
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let unnumbered = self.text(name).into_iter();
        unnumbered.chain(self.list(name).map(|item| item.own_text().unwrap_or_default())).collect()
    }

    /// A text. An empty one counts as absent, as in EC2: clients send members that they do not set
    /// (Terraform an empty `Placement.AvailabilityZone`).
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.member(name).and_then(Node::own_text).filter(|text| !text.is_empty())
    }

    /// A text that must be there and not be empty.
    pub(crate) fn required(&self, name: &str) -> Result<&str, Ec2Error> {
        self.text(name).ok_or_else(|| Ec2Error::missing(&self.path_of(name)))
    }

    /// A boolean: `true` or `false`, in any case.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, Ec2Error> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(Ec2Error::invalid(&self.path_of(name), text, "Expected true or false.")),
        }
    }

    /// An integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Ec2Error> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| Ec2Error::invalid(&self.path_of(name), text, "Expected an integer.")))
            .transpose()
    }

    /// One of a few words.
    pub(crate) fn choice(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Ec2Error> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => {
                let why = format!("Expected one of: {}.", words.join(", "));
                Err(Ec2Error::invalid(&self.path_of(name), text, &why))
            }
        }
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_structures_become_a_tree() {
        let query =
            Query::parse(b"Filter.2.Name=b&Filter.1.Name=a&Filter.1.Value.1=x&Filter.1.Value.3=y%20z&MaxResults=1k")
                .unwrap();
        let filters: Vec<_> = query.root().list("Filter").collect();
        assert_eq!(filters[0].text("Name"), Some("a"));
        assert_eq!(filters[0].texts("Value"), ["x", "y z"]);
        assert_eq!(filters[1].path(), "Filter.2");
        let wrong = query.root().integer("MaxResults").unwrap_err();
        assert_eq!(wrong.message, "Value (1k) for parameter MaxResults is invalid. Expected an integer.");
    }

    #[test]
    fn names_without_end_are_refused() {
        let deep = vec!["a"; 40].join(".");
        assert!(Query::parse(format!("{deep}=1").as_bytes()).is_err());
        assert!(Query::parse(format!("{}=1", "a".repeat(300)).as_bytes()).is_err());
        assert!(Query::parse("a=1&".repeat(PARAMETERS_MAX + 1).as_bytes()).is_err());
    }
}
