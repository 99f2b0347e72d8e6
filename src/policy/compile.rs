//! From a text to a policy that can be asked.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{ActionConstraint, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::builtin::SCHEMA_TEXT;
use super::error::{PolicyError, PolicyErrors};
use super::statement::Statement;
use super::statements::{self, Piece};
use super::{DEFAULT_TEXT, depth};
use crate::ids::Sha256Digest;

/// The longest policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 256 << 10;

/// Characters of a policy's name.
pub const POLICY_NAME_CHARS_MAX: usize = 100;

/// Characters of a reason or remedy: they stand in findings and in records.
pub const TEXT_CHARS_MAX: usize = 400;

/// A policy: a text, and what Cedar made of it. Clones are the same policy.
#[derive(Debug, Clone)]
pub struct Policy {
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    text: String,
    hash: Sha256Digest,
    statements: Vec<Statement>,
    warnings: Vec<PolicyError>,
    reads_tags: bool,
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA_TEXT).expect("the schema is a part of the program");
    Validator::new(schema)
});

impl Policy {
    /// Reads a policy and checks it against the schema.
    ///
    /// # Errors
    /// [`PolicyErrors`], all of them: it does not parse, does not fit the schema, has a policy without a name, two of
    /// one name, a forbid that does not say why or what would satisfy it, or is too long or too deep.
    pub fn compile(text: &str) -> Result<Self, PolicyErrors> {
        if POLICY_BYTES_MAX < text.len() {
            let message = format!("the policy is {} bytes long, and {POLICY_BYTES_MAX} are read", text.len());
            return Err(PolicyErrors::one(PolicyError { line: 1, column: 1, message }));
        }
        fail(depth::check(text))?;
        let parsed: PolicySet =
            text.parse().map_err(|errors: cedar_policy::ParseErrors| located(text, &DetailedError::from(&errors)))?;
        let (set, statements) = name(text, parsed)?;
        let checked = VALIDATOR.validate(&set, ValidationMode::Strict);
        fail(checked.validation_errors().flat_map(|error| places(text, &DetailedError::from(error))).collect())?;
        let mut warnings: Vec<PolicyError> =
            checked.validation_warnings().flat_map(|warning| places(text, &DetailedError::from(warning))).collect();
        warnings.extend(habits(text, &set, &statements));
        warnings.sort();
        let reads_tags =
            statements::pieces(text).any(|(piece, place)| piece == Piece::Word && &text[place] == "getTag");
        Ok(Self {
            compiled: Arc::new(Compiled {
                text: text.to_owned(),
                hash: Sha256Digest::of(text.as_bytes()),
                statements,
                warnings,
                reads_tags,
            }),
        })
    }

    /// The policy that comes with the program.
    pub fn built_in() -> Self {
        static BUILT_IN: LazyLock<Policy> =
            LazyLock::new(|| Policy::compile(DEFAULT_TEXT).expect("the default policy is a part of the program"));
        BUILT_IN.clone()
    }

    /// The text, as it was read.
    pub fn text(&self) -> &str {
        &self.compiled.text
    }

    /// SHA-256 of the text, by which records name the policy.
    pub fn hash(&self) -> Sha256Digest {
        self.compiled.hash
    }

    /// How many policies the text has.
    pub fn len(&self) -> usize {
        self.compiled.statements.len()
    }

    /// Whether the text has no policy: then nothing is permitted.
    pub fn is_empty(&self) -> bool {
        self.compiled.statements.is_empty()
    }

    /// What is allowed and probably not meant, such as a policy that can never apply.
    pub fn warnings(&self) -> &[PolicyError] {
        &self.compiled.warnings
    }

    /// Whether an answer may depend on the value of a tag.
    pub fn reads_tag_values(&self) -> bool {
        self.compiled.reads_tags
    }

    /// In the order of the text.
    pub(super) fn statements(&self) -> &[Statement] {
        &self.compiled.statements
    }
}

/// Policies are equal when their texts are.
impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.hash() == other.hash()
    }
}

/// Gives each policy the name in its `@id`. The statements are in the order of the text.
fn name(text: &str, parsed: PolicySet) -> Result<(PolicySet, Vec<Statement>), PolicyErrors> {
    let starts = statements::starts(text);
    // Cedar numbers the policies of a text: policy0, policy1, ….
    let position = |id: &PolicyId| id.to_string().strip_prefix("policy").and_then(|number| number.parse().ok());
    let start = |position: usize| starts.get(position).copied().unwrap_or_default();
    let source = |position: usize| &text[start(position)..starts.get(position + 1).copied().unwrap_or(text.len())];
    let mut errors = Vec::new();
    for template in parsed.templates() {
        let at = position(template.id()).map_or(0, start);
        errors.push(PolicyError::at(text, at, "a template (?principal, ?resource) has nobody to fill it in"));
    }
    let mut policies: Vec<_> =
        parsed.policies().map(|policy| (position(policy.id()).unwrap_or_default(), policy)).collect();
    policies.sort_by_key(|(position, _)| *position);
    let mut names = HashSet::new();
    let (mut statements, mut renamed) = (Vec::new(), Vec::new());
    for (position, policy) in policies {
        let statement = Statement::new(policy, source(position));
        let mut wrong = |message: String| errors.push(PolicyError::at(text, start(position), message));
        if !is_name(&statement.id) {
            wrong(format!(
                "a policy has a name of its own, @id(\"…\"): 1 to {POLICY_NAME_CHARS_MAX} letters, digits, `.`, `_` and `-`"
            ));
        } else if !names.insert(statement.id.clone()) {
            wrong(format!("another policy has the name {}", statement.id));
        }
        for (key, said, meaning) in
            [("reason", &statement.reason, "why it forbids"), ("remedy", &statement.remedy, "what would satisfy it")]
        {
            if statement.forbids && said.trim().is_empty() {
                wrong(format!("a forbid says {meaning}: @{key}(\"…\")"));
            } else if TEXT_CHARS_MAX < said.chars().count() || said.chars().any(char::is_control) {
                wrong(format!("@{key} has at most {TEXT_CHARS_MAX} characters, on one line"));
            }
        }
        renamed.push(policy.new_id(PolicyId::new(&statement.id)));
        statements.push(statement);
    }
    fail(errors)?;
    let set = PolicySet::from_policies(renamed)
        .map_err(|error| PolicyErrors::one(PolicyError::at(text, 0, error.to_string())))?;
    Ok((set, statements))
}

fn is_name(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !id.is_empty() && id.len() <= POLICY_NAME_CHARS_MAX && id.chars().all(fits)
}

/// What is probably not meant.
fn habits(text: &str, set: &PolicySet, statements: &[Statement]) -> Vec<PolicyError> {
    let starts = statements::starts(text);
    let is_any = |statement: &&Statement| {
        let policy = set.policy(&PolicyId::new(&statement.id));
        policy.is_some_and(|policy| policy.action_constraint() == ActionConstraint::Any)
    };
    let mut warnings: Vec<PolicyError> = Vec::new();
    for (statement, start) in statements.iter().zip(starts).filter(|(statement, _)| !statement.forbids) {
        if is_any(&statement) {
            let message = format!(
                "`{}` permits every action, so also Action::\"break_glass\": whoever it permits may override every \
                 forbid about launches",
                statement.id
            );
            warnings.push(PolicyError::at(text, start, message));
        }
    }
    if statements.iter().all(|statement| statement.forbids) {
        warnings.push(PolicyError::at(text, 0, "there is no permit, so nothing is permitted"));
    }
    warnings
}

fn fail(errors: Vec<PolicyError>) -> Result<(), PolicyErrors> {
    PolicyErrors::of(errors).map_or(Ok(()), Err)
}

fn located(text: &str, error: &DetailedError) -> PolicyErrors {
    PolicyErrors::of(places(text, error))
        .unwrap_or_else(|| PolicyErrors::one(PolicyError::at(text, 0, error.message.clone())))
}

/// An error of Cedar's and those beside it, each at its place.
fn places(text: &str, error: &DetailedError) -> Vec<PolicyError> {
    let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
    let mut message = error.message.clone();
    let labels = error.source_locations.iter().filter_map(|label| label.label.as_deref());
    for more in labels.chain(error.help.as_deref()) {
        message.push_str(&format!(" ({more})"));
    }
    let mut found = vec![PolicyError::at(text, offset, message)];
    found.extend(error.related.iter().flat_map(|related| places(text, related)));
    found
}
