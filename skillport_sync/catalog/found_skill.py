"""Owns making a Skill of the place where one was found: what its SKILL.md says, which files it has, what is missing of them.

Problem codes: skill_md's, links', walks', skill_md_case, skill_md_not_held, skill_has_submodule, lfs_pointer.
"""

from __future__ import annotations

from dataclasses import dataclass

from skillport_sync.catalog.links import NEVER_SERVED
from skillport_sync.catalog.look import Look
from skillport_sync.catalog.model import Plugin, Severity, Skill
from skillport_sync.catalog.skill_files import POINTER_BYTES, SPELLINGS, is_in
from skillport_sync.catalog.walks import MAX_LOOKS_OF_A_PLUGIN, Walked
from skillport_sync.git.objects import Mode
from skillport_sync.git.paths import RepoPath


@dataclass(frozen=True, slots=True)
class SkillPlace:
    """A directory that holds a SKILL.md."""

    directory: str
    """As it is reached. Inside the source, ``""`` for the root."""
    real_directory: str
    """The same with links followed."""
    file: RepoPath
    """Its SKILL.md, below ``real_directory``; maybe a link itself."""

    @property
    def file_name(self) -> str:
        return self.file.rpartition("/")[2]


class SkillMaker:
    """Makes the skills of one plugin."""

    def __init__(self, look: Look, plugin: Plugin) -> None:
        self._look = look
        self._plugin = plugin
        self._looks_left = MAX_LOOKS_OF_A_PLUGIN
        self.reached: set[RepoPath] = set()
        """Every SKILL.md that was come across, those of skills that had to be left out too."""
        self.nested: dict[RepoPath, str] = {}
        """Every SKILL.md that lies inside a skill, and the skill's directory."""

    def make(self, place: SkillPlace) -> Skill | None:
        """The skill there. None where it has to be left out; why is reported."""
        look, index = self._look, self._look.ground.index
        self.reached.add(place.file)
        content_path = self._content_path(place)
        if content_path is None:
            return None
        self.reached.add(content_path)
        text = look.text(content_path)
        if text is None:
            look.report(
                content_path, "skill_md_not_held", Severity.ERROR, "its content is not held; the skill is left out"
            )
            return None
        walked: Walked | None = None
        if (
            place.directory != place.real_directory
            or index.has_links_within(place.real_directory)
            or (NEVER_SERVED in look.ground.files and is_in(NEVER_SERVED, place.real_directory))
        ):
            walked = self._walked(place)
            if walked is None:
                return None
        if place.file_name != SPELLINGS[0]:
            message = "is not spelled SKILL.md; Claude Code does not load it"
            look.report(place.file, "skill_md_case", Severity.WARNING, message)
        look.remark(content_path, text.remarks)
        within = self._skill_mds(place, walked)
        self.nested.update((path, place.directory) for path in within if path != place.file and path != content_path)
        directory = place.directory
        return Skill(
            plugin=self._plugin,
            directory=directory,
            skill_md=RepoPath(f"{directory}/{place.file_name}" if directory else place.file_name),
            name=text.name or directory.rpartition("/")[2] or self._plugin.name,
            description=text.description,
            frontmatter=text.frontmatter,
            revision=look.ground.trees[directory] if walked is None else walked.revision,
            linked=None if walked is None else walked.linked,
            incomplete=self._lacks_something(place, walked),
        )

    def _content_path(self, place: SkillPlace) -> RepoPath | None:
        """The file that is this SKILL.md, whatever links lead to it."""
        look = self._look
        if look.ground.files[place.file].mode is not Mode.SYMLINK:
            return place.file
        real = look.real(place.file, Severity.ERROR)
        if real is None:
            return None
        if real not in look.ground.files:
            message = "leads to a directory, not to a file; the skill is left out"
            look.report(place.file, "symlink_broken", Severity.ERROR, message)
            return None
        return RepoPath(real)

    def _walked(self, place: SkillPlace) -> Walked | None:
        """The files of the skill with links followed. None where they are so many that SKILL.md is not among them."""
        walked = self._look.ground.walks.over(place.real_directory, self._looks_left)
        self._looks_left = max(0, self._looks_left - walked.looks)
        for followed in walked.followed:
            self._look.rest_on(followed)
        if place.file_name in walked.linked.files:
            return walked
        message = "is a link beyond what may be reached through links; the skill is left out"
        self._look.report(place.file, "symlink_too_much", Severity.ERROR, message)
        return None

    def _skill_mds(self, place: SkillPlace, walked: Walked | None) -> list[RepoPath]:
        if walked is None:
            return self._look.ground.index.skill_mds_within(place.real_directory)
        return [path for path in walked.linked.files.values() if path.rpartition("/")[2] in SPELLINGS]

    def _lacks_something(self, place: SkillPlace, walked: Walked | None) -> bool:
        """Whether a file of the skill cannot be served; says which, unless that is known already."""
        look, ground = self._look, self._look.ground
        if walked is None:
            submodules = ground.index.submodules_within(place.real_directory)
            small = ground.index.small_within(place.real_directory)
            absent = ground.absent_within([place.real_directory])
        else:
            files = walked.linked.files
            submodules = list(walked.submodules)
            small = [path for path in files.values() if ground.files[path].size_bytes in POINTER_BYTES]
            absent = tuple(path for path in files.values() if ground.is_absent(path))
            for lost in walked.lost:
                look.lose(lost, Severity.WARNING)
        for path in submodules:
            message = "is a submodule inside a skill: its files are not mirrored, so the skill is not whole"
            look.report(path, "skill_has_submodule", Severity.WARNING, message)
        pointers = [path for path in small if look.is_pointer(path)]
        for path in pointers:
            message = "only says where Git LFS keeps the file, which is not mirrored: commit the file itself"
            look.report(path, "lfs_pointer", Severity.WARNING, message)
        return bool(submodules or pointers or absent or (walked is not None and walked.lost))
