//! What an expression of the source may be as a text: all alternatives, or why that cannot be told.

use std::cell::RefCell;
use std::collections::BTreeSet;

use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::{Block, Expr, ExprClosure, Lit, Member, Stmt, Token};

use super::expand::expand;
use super::source::{Call, File, Meaning, Names, Parameter, Place, Source, bound, opaque};
use super::template::{ROWS, pieces, products, rendered};

pub(super) type Texts = Result<Vec<String>, String>;

/// Texts for what makes pieces of statements in a way that only running it would tell: by the function's name.
pub(super) type Rules = &'static [(&'static str, &'static [&'static str])];

/// Reads the source for one of the two databases.
pub(super) struct Evaluation<'s> {
    source: &'s Source,
    rules: Rules,
    is_postgres: bool,
    /// The literals that have been part of a text.
    pub(super) used: RefCell<BTreeSet<String>>,
    /// The parameters whose callers are being looked at: what leads back to one of them adds nothing.
    asked: RefCell<Vec<Parameter>>,
    /// The functions that are looked at for one of their callers, with it.
    caller: RefCell<Vec<(String, &'s Call)>>,
}

impl<'s> Evaluation<'s> {
    pub(super) fn new(source: &'s Source, rules: Rules, is_postgres: bool) -> Self {
        Self {
            source,
            rules,
            is_postgres,
            used: RefCell::default(),
            asked: RefCell::default(),
            caller: RefCell::default(),
        }
    }

    /// The texts of an expression.
    pub(super) fn texts(&self, expr: &Expr, place: &Place) -> Texts {
        self.part(expr, None, place)
    }

    /// The texts of an expression, or of one place of the tuple that it is; of an array those of all elements.
    fn part(&self, expr: &Expr, at: Option<usize>, place: &Place) -> Texts {
        match (expr, at) {
            (Expr::Lit(literal), None) => match &literal.lit {
                Lit::Str(text) => Ok(vec![self.literal(text.value())]),
                Lit::Int(number) => Ok(vec![number.base10_digits().to_owned()]),
                _ => Err("it is a literal of another kind".to_owned()),
            },
            (Expr::Tuple(tuple), Some(at)) => match tuple.elems.get(at) {
                Some(element) => self.texts(element, place),
                None => Err(format!("a tuple has no place {at}")),
            },
            (Expr::Paren(inner), _) => self.part(&inner.expr, at, place),
            (Expr::Group(inner), _) => self.part(&inner.expr, at, place),
            (Expr::Reference(inner), _) => self.part(&inner.expr, at, place),
            (Expr::Block(block), _) => self.block(&block.block, at, place),
            (Expr::Array(array), _) => self.any(array.elems.iter(), at, place),
            (Expr::Match(choice), _) => self.any(choice.arms.iter().map(|arm| &*arm.body), at, place),
            (Expr::If(choice), _) => {
                let Some((_, other)) = &choice.else_branch else {
                    return Err("an if has no else".to_owned());
                };
                Ok([self.block(&choice.then_branch, at, place)?, self.part(other, at, place)?].concat())
            }
            (Expr::Closure(closure), _) => {
                let names = opaque(place.names.clone(), &closure.inputs);
                self.part(&closure.body, at, &Place { names, ..*place })
            }
            (Expr::Path(path), _) => self.named(&path.path, at, place),
            (Expr::Field(field), None) => match &field.member {
                Member::Named(name) => self.field(&field.base, &name.to_string(), place),
                Member::Unnamed(_) => Err("a place of a tuple is taken by its number".to_owned()),
            },
            (Expr::Macro(invocation), _) => self.invocation(&invocation.mac, at, place),
            (Expr::Call(call), _) => match &*call.func {
                Expr::Path(function) => {
                    let name = &function.path.segments.last().unwrap().ident.to_string();
                    self.called(name, &call.args, at, place)
                }
                _ => Err("what it calls has no name".to_owned()),
            },
            (Expr::MethodCall(call), _) => self.method(call, at, place),
            // It goes elsewhere.
            (Expr::Return(_), _) => Ok(Vec::new()),
            _ => Err("it is an expression of another kind".to_owned()),
        }
    }

    fn literal(&self, text: String) -> String {
        self.used.borrow_mut().insert(text.clone());
        text
    }

    fn any<'e>(&self, all: impl IntoIterator<Item = &'e Expr>, at: Option<usize>, place: &Place) -> Texts {
        let texts: Result<Vec<_>, _> = all.into_iter().map(|expr| self.part(expr, at, place)).collect();
        Ok(texts?.concat())
    }

    /// What a block ends with.
    fn block(&self, block: &Block, at: Option<usize>, place: &Place) -> Texts {
        let mut names = place.names.clone();
        for statement in &block.stmts {
            match statement {
                Stmt::Local(local) => names = bound(names, local),
                Stmt::Expr(tail, None) => return self.part(tail, at, &Place { names, ..*place }),
                _ => {}
            }
        }
        Err("a block has no value".to_owned())
    }

    /// A local name or a constant.
    fn named(&self, path: &syn::Path, at: Option<usize>, place: &Place) -> Texts {
        let name = path.segments.last().unwrap().ident.to_string();
        let local = path.get_ident().and_then(|_| place.names.find(&name));
        match local.map(|local| (&local.meaning, &local.before)) {
            Some((Meaning::Bound(expr, within), before)) => {
                let place = Place { file: place.file, names: before.clone() };
                self.part(expr, within.or(at), &place)
            }
            Some((Meaning::Parameter(parameter), _)) => self.given(parameter, at),
            Some((Meaning::Other, _)) => Err(format!("nothing tells what {name} is")),
            None => {
                let qualifier = path.segments.iter().rev().nth(1).map(|segment| segment.ident.to_string());
                let constants = |file: &'s File| file.constants.iter().filter(|constant| constant.0 == name);
                let file = self.nearest(place.file, qualifier.as_deref(), |file| constants(file).count() > 0);
                let file = file.ok_or_else(|| format!("there is no constant {name}"))?;
                let place = Place { file, names: Names::default() };
                self.any(constants(&self.source.files[file]).map(|constant| &constant.1), at, &place)
            }
        }
    }

    /// The file that a name is taken from: that of the module it is qualified with, the file itself, the files of the modules
    /// around it, or the only one that has the name.
    fn nearest(&self, file: usize, module: Option<&str>, has: impl Fn(&'s File) -> bool) -> Option<usize> {
        let files: &'s [File] = &self.source.files;
        let qualified = |at: usize| {
            let path = files[at].path.with_extension("");
            let path =
                if path.ends_with("mod") { path.parent().map(Into::into).unwrap_or_default() } else { path };
            module.is_some_and(|module| path.ends_with(module))
        };
        let mut having: Vec<usize> = (0..files.len()).filter(|at| has(&files[*at])).collect();
        let around = files[file].path.ancestors().skip(1).map(|folder| folder.join("mod.rs"));
        let around: Vec<_> = std::iter::once(files[file].path.clone()).chain(around).collect();
        let by_module = having.iter().copied().find(|at| qualified(*at));
        let by_place =
            around.iter().find_map(|path| having.iter().copied().find(|at| files[*at].path == *path));
        let only = if having.len() == 1 { having.pop() } else { None };
        by_module.or(by_place).or(only)
    }

    /// What the callers of a function give it.
    fn given(&self, parameter: &Parameter, at: Option<usize>) -> Texts {
        if self.asked.borrow().contains(parameter) {
            return Ok(Vec::new());
        }
        self.asked.borrow_mut().push(parameter.clone());
        let calls = match self.caller_of(&parameter.function) {
            Some(one) => vec![one],
            None => self.source.callers(parameter),
        };
        let given = calls.iter().map(|call| self.part(&call.arguments[parameter.at], at, &call.place));
        let texts = given.collect::<Result<Vec<_>, _>>().map(|texts| texts.concat());
        self.asked.borrow_mut().pop();
        texts
    }

    fn caller_of(&self, function: &str) -> Option<&'s Call> {
        self.caller.borrow().iter().rev().find(|(name, _)| name == function).map(|(_, call)| *call)
    }

    /// The constant that an expression is, where it can only be one.
    fn constant(&self, expr: &Expr, place: &Place) -> Option<String> {
        match expr {
            Expr::Reference(inner) => self.constant(&inner.expr, place),
            Expr::Path(path) => {
                let name = path.path.get_ident()?.to_string();
                match place.names.find(&name).map(|local| &local.meaning) {
                    None => Some(name),
                    Some(Meaning::Parameter(parameter)) => {
                        let call = self.caller_of(&parameter.function)?;
                        self.constant(&call.arguments[parameter.at], &call.place)
                    }
                    Some(_) => None,
                }
            }
            _ => None,
        }
    }

    /// What a constant has in a field; all constants of the file, where it may be any of them.
    fn field(&self, of: &Expr, name: &str, place: &Place) -> Texts {
        let only = self.constant(of, place);
        let place = Place { file: place.file, names: Names::default() };
        let mut texts = Vec::new();
        let constants = self.source.files[place.file].constants.iter();
        for constant in constants.filter(|constant| only.as_ref().is_none_or(|only| constant.0 == *only)) {
            let written_out = match &constant.1 {
                Expr::Macro(invocation) => self.written_out(&invocation.mac, &place).ok(),
                other => Some(other.clone()),
            };
            let Some(Expr::Struct(fields)) = written_out else { continue };
            for field in &fields.fields {
                if matches!(&field.member, Member::Named(member) if member == name) {
                    texts.extend(self.texts(&field.expr, &place)?);
                }
            }
        }
        if texts.is_empty() { Err(format!("no constant has a field {name}")) } else { Ok(texts) }
    }

    fn invocation(&self, invocation: &syn::Macro, at: Option<usize>, place: &Place) -> Texts {
        let arguments = || {
            let list = Punctuated::<Expr, Token![,]>::parse_terminated;
            list.parse2(invocation.tokens.clone()).map_err(|error| error.to_string())
        };
        if invocation.path.is_ident("concat") {
            let parts: Result<Vec<_>, _> = arguments()?.iter().map(|part| self.texts(part, place)).collect();
            return Ok(products(&parts?).into_iter().map(|parts| parts.concat()).collect());
        }
        if invocation.path.is_ident("format") {
            let arguments: Vec<Expr> = arguments()?.into_iter().collect();
            return self.for_each_caller(place, || self.format(&arguments, place));
        }
        self.part(&self.written_out(invocation, place)?, at, place)
    }

    fn written_out(&self, invocation: &syn::Macro, place: &Place) -> Result<Expr, String> {
        let name = invocation.path.segments.last().unwrap().ident.to_string();
        let of = |file: &'s File| file.macros.iter().find(|one| one.0 == name);
        let file = self.nearest(place.file, None, |file| file.macros.iter().any(|one| one.0 == name));
        let found = file.and_then(|file| of(&self.source.files[file]));
        let tokens = found.and_then(|found| expand(&found.1, invocation.tokens.clone()));
        let tokens = tokens.ok_or_else(|| format!("there is no macro {name}! for these arguments"))?;
        syn::parse2(tokens).map_err(|error| format!("{name}!: {error}"))
    }

    /// What several parameters make together is looked at for one caller after the other: what one gives belongs together.
    fn for_each_caller(&self, place: &Place, texts: impl Fn() -> Texts) -> Texts {
        let Some(parameter) = place.names.parameter() else { return texts() };
        let callers = self.source.callers(parameter);
        if callers.is_empty() || self.caller_of(&parameter.function).is_some() {
            return texts();
        }
        let mut all = Vec::new();
        for call in callers {
            self.caller.borrow_mut().push((parameter.function.clone(), call));
            let texts = texts();
            self.caller.borrow_mut().pop();
            all.extend(texts?);
        }
        Ok(all)
    }

    fn format(&self, arguments: &[Expr], place: &Place) -> Texts {
        let Some((template, given)) = arguments.split_first() else {
            return Err("format! is empty".to_owned());
        };
        let named = |argument: &Expr| match argument {
            Expr::Assign(assign) => match &*assign.left {
                Expr::Path(name) => Some((name.path.get_ident()?.to_string(), (*assign.right).clone())),
                _ => None,
            },
            _ => None,
        };
        let mut texts = Vec::new();
        for template in self.texts(template, place)? {
            let (pieces, holes) = pieces(&template);
            let mut positional = given.iter();
            let filled = holes.iter().map(|hole| match hole.as_str() {
                "" => self.texts(positional.next().ok_or("a hole of format! has no argument")?, place),
                name => match given.iter().filter_map(named).find(|(given, _)| given == name) {
                    Some((_, argument)) => self.texts(&argument, place),
                    None => self.texts(&syn::parse_str(name).map_err(|error| error.to_string())?, place),
                },
            });
            let filled: Vec<Vec<String>> = filled.collect::<Result<_, _>>()?;
            texts.extend(products(&filled).iter().map(|holes| rendered(&pieces, holes)));
        }
        Ok(texts)
    }

    fn method(&self, call: &syn::ExprMethodCall, at: Option<usize>, place: &Place) -> Texts {
        match (call.method.to_string().as_str(), call.args.iter().collect::<Vec<_>>().as_slice()) {
            ("to_owned" | "clone" | "as_str", []) => self.part(&call.receiver, at, place),
            // Of an iterator over what may be nothing or more.
            ("collect", []) => Ok([vec![String::new()], self.texts(&call.receiver, place)?].concat()),
            ("map", [made]) => self.part(made, at, place),
            ("map_or", [otherwise, made]) => self.any([*otherwise, *made], at, place),
            ("in_dialect", [sqlite, postgres]) => {
                let (sqlite, postgres) = (self.texts(sqlite, place)?, self.texts(postgres, place)?);
                Ok(if self.is_postgres { postgres } else { sqlite })
            }
            ("value_rows", [_]) => Ok(vec![ROWS.to_owned()]),
            (name, _) => self.called(name, &call.args, at, place),
        }
    }

    fn called(
        &self,
        name: &str,
        arguments: &Punctuated<Expr, Token![,]>,
        at: Option<usize>,
        place: &Place,
    ) -> Texts {
        if let Some((_, texts)) = self.rules.iter().find(|(rule, _)| *rule == name) {
            return Ok(texts.iter().map(|text| (*text).to_owned()).collect());
        }
        match (name, arguments.first()) {
            ("new", None) => return Ok(vec![String::new()]),
            ("placeholders", Some(Expr::Lit(first))) => {
                let Lit::Int(first) = &first.lit else { return Err("its first number is none".to_owned()) };
                let first: usize = first.base10_parse().map_err(|error| error.to_string())?;
                return Ok(vec![format!("${first}, ${}", first + 1)]);
            }
            ("placeholders", Some(_)) => return Ok(vec!["$?, $?".to_owned()]),
            _ => {}
        }
        let local = place.names.find(name);
        if let Some((Meaning::Bound(Expr::Closure(closure), None), before)) =
            local.map(|local| (&local.meaning, &local.before))
        {
            let names = given_literals(before.clone(), closure, arguments);
            return self.part(&closure.body, at, &Place { file: place.file, names });
        }
        let of = |file: &'s File| file.functions.iter().filter(|function| function.name == name);
        let file = self.nearest(place.file, None, |file| of(file).count() == 1);
        let function = file.and_then(|file| of(&self.source.files[file]).next());
        let function = function.ok_or_else(|| format!("nothing tells what {name}() gives"))?;
        if function.has_return {
            return Err(format!("{name}() gives more than what it ends with"));
        }
        self.block(&function.body, at, &function.place)
    }
}

/// The names in a closure that is called: of what it is given, literals alone mean the same there as here.
fn given_literals(names: Names, closure: &ExprClosure, given: &Punctuated<Expr, Token![,]>) -> Names {
    closure.inputs.iter().zip(given).fold(names, |names, (pattern, argument)| {
        names.matching(pattern, &|_| match argument {
            Expr::Lit(literal) => Meaning::Bound(literal.clone().into(), None),
            _ => Meaning::Other,
        })
    })
}
