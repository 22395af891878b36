//! A checkout is the folder that holds this project's sources, and the places below its `target/` that engines use.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use racewalk::Target;

use crate::refusal::Refusal;

/// The root of the sources.
#[derive(Clone, Debug)]
pub(crate) struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The checkout around the current folder, or else the one that this program was built from.
    pub(crate) fn find() -> Result<Checkout, Refusal> {
        let here = env::current_dir().map_err(|error| Refusal::io(Path::new("."), &error))?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut candidates = here.ancestors().chain(built_from.ancestors());
        match candidates.find(|folder| {
            folder.join("fuzz/fuzz_targets").is_dir() && folder.join("corpus").is_dir()
        }) {
            Some(root) => Ok(Checkout { root: root.to_path_buf() }),
            None => Err(Refusal::with_help(
                "no checkout of racewalk here: an engine is built from the sources",
                "change into the checkout, or use `racewalk run`, which needs no engine",
            )),
        }
    }

    /// The root itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The programs that seeds are packed from.
    pub(crate) fn corpus(&self) -> PathBuf {
        self.root.join("corpus")
    }

    /// The committed seeds of a target: a few programs that reach all there is.
    pub(crate) fn seeds(&self, target: Target) -> PathBuf {
        self.root.join("fuzz/seeds").join(target.seeds().name())
    }

    /// Where cargo installs tools.
    pub(crate) fn tools(&self) -> PathBuf {
        self.root.join("target/tools")
    }

    /// Where engines are built: other flags than the rest, so a folder of their own.
    pub(crate) fn builds(&self) -> PathBuf {
        self.root.join("target/fuzz")
    }

    /// The dictionary for targets whose bytes are records.
    pub(crate) fn dictionary(&self) -> PathBuf {
        self.root.join("fuzz/racewalk.dict")
    }

    /// Where campaigns of one kind go on: what they have kept of a target, under what is written of a variant.
    pub(crate) fn kept(&self, target: &str, variant: &str) -> Result<PathBuf, Refusal> {
        let folder = self.root.join("target/corpus").join(target).join(variant);
        fs::create_dir_all(&folder).map_err(|error| Refusal::io(&folder, &error))?;
        Ok(folder)
    }

    /// A folder for one campaign, empty, that goes when the value goes.
    pub(crate) fn scratch(&self) -> Result<Scratch, Refusal> {
        let work = self.root.join("target/campaigns");
        for n in 0.. {
            let folder = work.join(format!("{}-{n}", process::id()));
            match fs::create_dir_all(&work).and_then(|()| fs::create_dir(&folder)) {
                Ok(()) => return Ok(Scratch { folder }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Refusal::io(&folder, &error)),
            }
        }
        unreachable!("one of so many names is free")
    }
}

/// A folder that is removed with all that is in it.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// A folder inside, made if it is not there.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf, Refusal> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder).map_err(|error| Refusal::io(&folder, &error))?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies below target/ and harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
