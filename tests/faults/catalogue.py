"""Owns the list of the faults that have to be survived, each with its proof: network, order, content, process, load.

The numbers are those of the reliability report that this project was designed from. A fault that is found in the field gets a
line here and a test.
"""

from __future__ import annotations

from typing import Final

from tests.faults.fault import Fault, below

_WIRE: Final = "contract/client/test_client_wire_level.py"
_ARCHIVE: Final = "contract/client/test_client_archive.py"
_STANDIN: Final = "contract/client/test_client_against_standin.py"
_PULL: Final = "flows/sync/test_pull.py"
_FAULTS: Final = "flows/sync/test_pull_faults.py"
_LOOP: Final = "flows/sync/test_loop.py"
_RECEIVER: Final = "flows/test_webhook_receiver.py"
_DISK: Final = "faults/test_disk.py"
_LOAD: Final = "faults/test_load.py"
_STOPPING: Final = "faults/test_stopping.py"

NETWORK: Final = (
    Fault(
        "N1",
        "GitHub does not answer",
        "requests that hang, at every step",
        (
            *below(
                _WIRE, "test_an_answer_that_does_not_come_is_not_waited_for", "test_nobody_listening_is_unavailable"
            ),
            *below(_ARCHIVE, "test_a_stalled_archive_is_not_waited_for"),
            *below(_FAULTS, "test_answers_stay_while_github_is_down_and_their_age_grows"),
            *below(_FAULTS, "test_archives_that_never_come_are_given_up_and_blobs_fetched_instead"),
        ),
    ),
    Fault(
        "N2",
        "the connection breaks in the middle of a body",
        "answers and archives cut at many places",
        (
            *below(_FAULTS, "test_a_connection_cut_at_any_step_is_survived"),
            *below(_FAULTS, "test_a_cut_archive_is_never_published_and_what_arrived_is_kept"),
            *below(_WIRE, "test_a_cut_answer_is_no_answer"),
            *below(_ARCHIVE, "test_a_cut_archive_is_unavailable"),
        ),
    ),
    Fault(
        "N3",
        "an archive that ends early and says that it is whole",
        "truncated gzip, whole gzip of half a tar",
        (
            *below(_ARCHIVE, "test_an_archive_that_ends_too_early_is_unavailable_wherever_it_ends"),
            *below(_ARCHIVE, "test_a_whole_gzip_of_half_a_tar_is_unavailable"),
            *below("pure/test_tar_reader.py", "test_a_truncated_archive_is_never_taken_for_a_whole_one"),
        ),
    ),
    Fault(
        "N4",
        "wrong bytes",
        "one byte flipped in every kind of answer",
        (
            *below(_FAULTS, "test_one_wrong_byte_in_any_answer_is_never_published"),
            *below(_FAULTS, "test_a_wrong_byte_in_an_archive_is_never_published"),
            *below(_FAULTS, "test_wrong_bytes_of_a_blob_are_named_and_not_stored"),
            *below(_ARCHIVE, "test_a_spoilt_archive_is_broken"),
        ),
    ),
    Fault(
        "N5",
        "old content under the new commit's name",
        "the archive and the tree of another commit",
        (
            *below(_FAULTS, "test_the_archive_of_another_commit_gives_nothing"),
            *below(_FAULTS, "test_the_tree_of_another_commit_is_refused"),
            *below(_ARCHIVE, "test_an_archive_of_another_commit_is_broken"),
        ),
    ),
    Fault(
        "N6",
        "401, 403: credentials are refused",
        "revoked tokens, missing permissions, a missing installation",
        (
            *below(_FAULTS, "test_refused_credentials_are_no_storm_of_retries"),
            *below("pure/test_retry.py", "test_refused_credentials_wait_for_somebody_to_mend_them"),
            *below(_STANDIN, "test_a_token_without_rights_is_told_which_it_needs"),
            *below("contract/client/test_client_credentials.py", "test_a_second_refusal_is_believed"),
        ),
    ),
    Fault(
        "N7",
        "404: repository or branch gone",
        "a deleted repository, a deleted branch",
        (
            *below(_FAULTS, "test_a_repository_that_is_gone_keeps_what_is_served"),
            *below(_WIRE, "test_a_branch_that_is_not_there_is_missing"),
            *below(_STANDIN, "test_a_deleted_repository_is_missing"),
        ),
    ),
    Fault(
        "N8",
        "409, 422: an empty repository",
        "a repository without a commit",
        (
            *below(_FAULTS, "test_an_empty_repository_is_no_snapshot_and_no_storm"),
            *below(
                _WIRE, "test_an_empty_repository_is_a_conflict_of_its_own", "test_a_status_becomes_one_of_our_errors"
            ),
        ),
    ),
    Fault(
        "N9",
        "429, both rate limits",
        "Retry-After, reset times, garbage in their headers",
        (
            *below(_FAULTS, "test_a_rate_limit_is_honoured_to_the_second"),
            *below(_FAULTS, "test_a_used_up_limit_is_waited_out_until_its_reset"),
            *below(_WIRE, "test_after_a_limit_nobody_asks_until_it_has_passed", "test_a_limit_says_until_when"),
            *below(_WIRE, "test_garbage_in_the_rate_headers_is_ignored"),
        ),
    ),
    Fault(
        "N10",
        "5xx, 520, a web page instead of JSON",
        "every status at every step",
        (
            *below(_FAULTS, "test_a_server_error_at_any_step_is_survived_and_tried_again"),
            *below(_FAULTS, "test_a_web_page_instead_of_an_answer_is_survived"),
            *below(_WIRE, "test_a_web_page_instead_of_an_answer_is_no_answer", "test_json_that_is_none_is_broken"),
            *below("pure/test_wakeups.py", "test_backoff_grows_and_is_bounded"),
        ),
    ),
    Fault(
        "N11",
        "redirects: loops, other hosts, in the clear",
        "redirects to everywhere",
        (
            *below(_WIRE, "test_a_redirect_loop_ends"),
            *below(_WIRE, "test_a_redirect_to_another_origin_gets_neither_credentials_nor_a_request"),
            *below(_WIRE, "test_another_kind_of_redirect_is_not_followed", "test_tokens_are_not_sent_in_the_clear"),
            *below(_ARCHIVE, "test_an_archive_comes_from_another_origin_without_credentials"),
        ),
    ),
    Fault(
        "N12",
        "senders who never finish",
        "300 connections that drip, bodies that do not come",
        (
            *below(_LOAD, "test_senders_who_never_finish_are_cut_off_and_hold_up_nobody"),
            *below("flows/test_listener.py", "test_headers_that_never_end_are_cut_off"),
            *below(_RECEIVER, "test_a_body_that_does_not_arrive_is_given_up"),
        ),
    ),
    Fault(
        "N13",
        "no way out: names, addresses, proxies",
        "a name that does not resolve, a silent address, 407",
        below(
            "faults/test_no_way_out.py",
            "test_a_name_that_cannot_be_resolved_is_unavailable",
            "test_an_address_that_swallows_everything_is_given_up_in_time",
            "test_a_proxy_that_wants_a_password_is_unavailable_and_learns_no_token",
        ),
    ),
)

ORDER: Final = (
    Fault(
        "O1",
        "pushes out of order",
        "deliveries in any order",
        (
            *below(_LOOP, "test_deliveries_out_of_order_and_repeated_end_at_the_last_push"),
            *below("pure/test_plan.py", "test_pushes_in_any_order_and_repeated_lead_to_the_last_commit"),
            *below("flows/sync/test_convergence.py", "test_any_history_ends_at_the_head_of_the_branch"),
        ),
    ),
    Fault(
        "O2",
        "duplicates and redeliveries",
        "the same GUID again",
        (
            *below(_RECEIVER, "test_a_redelivery_of_what_is_owed_or_done_does_nothing"),
            *below(_RECEIVER, "test_a_redelivery_of_what_failed_runs_again"),
            *below(_FAULTS, "test_after_eight_failures_a_delivery_is_given_up_and_its_redelivery_revives_it"),
        ),
    ),
    Fault(
        "O3",
        "a webhook that never comes",
        "lost deliveries",
        (
            *below(_LOOP, "test_a_lost_delivery_is_made_up_for_by_the_next_reconcile"),
            *below(_LOOP, "test_a_silent_scheduler_is_made_up_for"),
            *below(
                "e2e/test_marketplaces.py", "test_a_lost_delivery_is_found_by_a_reconcile_of_that_marketplace_alone"
            ),
        ),
    ),
    Fault(
        "O4",
        "reads that lag behind the webhook",
        "heads that are still the old one",
        (
            *below(_LOOP, "test_a_push_that_reads_do_not_show_yet_is_waited_for"),
            *below(_LOOP, "test_a_push_that_never_shows_is_waited_for_a_minute_and_costs_little"),
            *below(_PULL, "test_a_head_that_lags_behind_what_is_published_is_not_believed"),
        ),
    ),
    Fault(
        "O5",
        "history is rewritten",
        "force pushes, told and untold",
        (
            *below(_PULL, "test_a_force_push_with_its_delivery_is_followed_at_once"),
            *below(_PULL, "test_a_force_push_whose_delivery_was_lost_is_believed_at_the_second_look"),
        ),
    ),
    Fault(
        "O6",
        "the branch is deleted and made again",
        "deletions and new branches, told and untold",
        (
            *below(_PULL, "test_a_deleted_branch_keeps_what_is_served_and_a_recreated_one_replaces_it"),
            *below(_PULL, "test_a_branch_recreated_without_a_word_is_found_by_reconcile"),
            *below(_FAULTS, "test_a_deleted_delivery_is_not_waited_for"),
        ),
    ),
    Fault(
        "O7",
        "branch or repository renamed",
        "renames, transfers, another default branch",
        (
            *below(_PULL, "test_a_renamed_default_branch_is_followed"),
            *below(_PULL, "test_a_renamed_repository_is_followed_and_its_new_name_is_used_from_then_on"),
            *below(_PULL, "test_a_repository_renamed_before_a_restart_is_found_under_its_old_name"),
            *below("flows/healing/test_states.py", "test_another_repository_under_the_same_name_is_refused"),
        ),
    ),
    Fault(
        "O8",
        "two pulls of one repository",
        "drafts that follow another head",
        (
            *below(
                "store/test_mirror_publications.py",
                "test_a_draft_that_follows_another_head_is_fenced_and_writes_nothing",
            ),
            *below("store/test_mirror_machine.py", "TestMirror::runTest"),
        ),
    ),
    Fault(
        "O9",
        "a push during a pull",
        "pushes at every moment of one",
        (
            *below(_LOOP, "test_a_push_during_a_pull_is_not_lost"),
            *below("store/test_state_deliveries.py", "test_a_push_that_arrives_during_a_pull_stays_owed"),
        ),
    ),
)

CONTENT: Final = (
    Fault(
        "C1",
        "paths that are dangerous somewhere",
        "`../`, absolute, drives, NUL, `.git/`, trailing dots",
        (
            *below("pure/test_git_paths.py", "test_a_path_that_is_served_can_do_no_harm"),
            *below("pure/test_git_paths.py", "test_every_reason_not_to_serve_a_path_is_named"),
            *below("pure/test_snapshot.py", "test_a_path_that_is_not_safe_everywhere_hides_only_itself"),
        ),
    ),
    Fault(
        "C2",
        "names that collide somewhere",
        "case, and Unicode forms",
        (
            *below("pure/test_snapshot.py", "test_names_that_collide_on_some_systems_are_all_left_out"),
            *below(
                "pure/test_git_paths.py",
                "test_paths_that_some_file_system_cannot_hold_side_by_side_are_all_found",
            ),
        ),
    ),
    Fault(
        "C3",
        "symbolic links that lead out",
        "links to /etc, upwards, in circles, by the thousand",
        (
            *below(
                "pure/catalog_oddities/test_links_that_lead_nowhere.py", "test_symlinks_that_lead_outside_or_nowhere"
            ),
            *below("pure/catalog_oddities/test_links_that_lead_nowhere.py", "test_symlink_cycles"),
            *below(
                "pure/catalog_oddities/test_link_graphs.py",
                "test_links_never_make_a_served_path_leave_the_source_or_reach_what_is_nobodys",
            ),
        ),
    ),
    Fault(
        "C4",
        "submodules, LFS pointers",
        "both, wherever a file may be",
        (
            *below("pure/catalog_oddities/test_files_of_skills.py", "test_lfs_pointers"),
            *below("pure/catalog_oddities/test_files_of_skills.py", "test_submodules_inside_a_skill"),
            *below("pure/test_snapshot.py", "test_a_submodule_is_a_fact_and_no_file"),
        ),
    ),
    Fault(
        "C5",
        "too large, too many, too deep, bombs",
        "files, archives, listings and links beyond every bound",
        (
            *below(_ARCHIVE, "test_a_bomb_is_not_unpacked", "test_members_are_bounded"),
            *below(_WIRE, "test_an_endless_listing_is_not_read_to_its_end"),
            *below(_PULL, "test_too_many_files_are_refused_and_what_was_served_stays"),
            *below(_PULL, "test_a_file_above_the_limit_is_skipped_and_reported"),
            *below(
                "pure/catalog_oddities/test_links_that_lead_nowhere.py",
                "test_link_trees_that_double_at_every_level_end",
            ),
        ),
    ),
    Fault(
        "C6",
        "names that are no UTF-8, or no text",
        "raw bytes, newlines",
        (
            *below(_PULL, "test_names_that_are_not_utf8_are_verified_and_not_published"),
            *below(_PULL, "test_modes_links_submodules_and_any_bytes_arrive_as_they_are"),
            *below("pure/test_recovered_names.py", "test_any_names_are_recovered_from_an_archive_that_lacks_none"),
        ),
    ),
    Fault(
        "C7",
        "manifests and frontmatter that are broken or hostile",
        "any bytes, YAML bombs, duplicate names",
        (
            *below(
                "pure/test_catalog_properties.py", "test_parsing_is_total_on_any_bytes_and_what_it_says_can_be_sent"
            ),
            *below("pure/test_catalog_properties.py", "test_a_broken_plugin_changes_nothing_of_the_others"),
            *below("pure/test_frontmatter.py", "test_aliases_are_never_expanded"),
            *below("pure/test_frontmatter.py", "test_hostile_sizes_are_read_in_bounded_time"),
        ),
    ),
    Fault(
        "C8",
        "access.json broken or missing",
        "any bytes, none at all",
        (
            *below("e2e/test_first_sync_refused.py", "test_nothing_is_served_until_the_policy_can_be_read"),
            *below(_PULL, "test_a_malformed_policy_keeps_the_old_content_and_the_old_policy_together"),
            *below("pure/test_access_policy.py", "test_absent_and_malformed_are_never_confused"),
            *below("pure/test_access_properties.py", "test_any_bytes_are_a_policy_or_malformed"),
        ),
    ),
    Fault(
        "C9",
        "a commit that removes nearly everything",
        "mass removals, all of them",
        (
            *below("flows/sync/test_removal.py", "test_a_commit_that_removes_more_than_half_is_held"),
            *below("flows/sync/test_removal.py", "test_few_skills_may_always_go_and_all_of_many_never"),
            *below("flows/sync/test_removal.py", "test_a_held_commit_passes_once_it_is_confirmed"),
        ),
    ),
    Fault(
        "C10",
        "attributes that alter archives",
        "export-subst, export-ignore, autocrlf",
        (
            *below(_PULL, "test_what_attributes_alter_in_an_archive_is_fetched_by_blob"),
            *below("e2e/test_byte_identity.py", "test_a_repository_made_with_c_git_is_mirrored_byte_for_byte"),
        ),
    ),
)

PROCESS: Final = (
    Fault(
        "P1",
        "kill -9",
        "200 deaths while pulling, 48 while storing, one at every step",
        (
            *below("e2e/test_crash.py", "test_two_hundred_kills_lose_nothing_and_mix_nothing"),
            *below(
                "store/test_store_crash.py",
                "test_every_death_leaves_one_whole_publication_and_all_that_was_acknowledged",
            ),
            *below(_FAULTS, "test_a_process_stopped_at_any_step_converges_when_it_starts_again"),
            *below("store/test_database.py", "test_a_migration_that_fails_leaves_the_file_as_it_was"),
        ),
    ),
    Fault(
        "P2",
        "the power fails",
        "proved by setting: every commit waits for the disk",
        below("store/test_database.py", "test_a_new_file_is_set_up_to_lose_nothing"),
    ),
    Fault(
        "P3",
        "the disk is full",
        "a disk without one free byte; databases that may not grow",
        (
            *below(
                _DISK,
                "test_on_a_full_disk_reading_goes_on_deliveries_are_put_off_and_all_is_well_once_there_is_room",
            ),
            *below(_FAULTS, "test_a_full_disk_keeps_what_is_served_and_the_mirror_follows_once_there_is_room"),
            *below("store/test_writer.py", "test_a_full_disk_fails_those_who_wrote_and_later_writes_work"),
            *below("flows/archives/test_shelf.py", "test_a_full_disk_is_said_leaves_nothing_and_spoils_nothing"),
            *below("store/test_state_tokens.py", "test_a_full_disk_locks_nobody_out"),
        ),
    ),
    Fault(
        "P4",
        "the disk takes nothing any more",
        "every write of a running service refused; read-only files",
        (
            *below(_DISK, "test_a_disk_that_takes_nothing_any_more_costs_no_answer_and_heals"),
            *below("store/test_mirror_damage.py", "test_a_file_that_became_read_only_is_served_and_refuses_writes"),
            *below("store/test_data_directory.py", "test_one_that_cannot_be_written_is_named"),
        ),
    ),
    Fault(
        "P5",
        "mirror.db damaged, foreign, newer, gone",
        "flips, zeroes, cuts, other files, under a running service too",
        (
            *below(_DISK, "test_a_mirror_that_is_lost_under_a_running_service_is_made_anew"),
            *below("faults/test_mirror_lost.py", "test_what_needs_a_lost_mirror_is_put_off_and_then_answered_again"),
            *below(
                "store/test_making_anew.py",
                "test_what_is_being_read_is_read_to_its_end_and_nobody_else_gets_in",
                "test_a_disk_that_refuses_puts_it_off_and_reopening_does_the_rest",
            ),
            *below(
                "flows/sync/test_mirror_doubted.py",
                "test_a_content_that_a_question_finds_damaged_is_fetched_again_by_the_next_pull",
                "test_a_new_file_that_the_disk_refuses_is_made_by_the_pull_that_it_lets",
            ),
            *below("store/test_mirror_damage.py", "test_a_file_that_cannot_be_used_is_put_aside_and_made_anew"),
            *below("store/test_mirror_damage.py", "test_a_flipped_byte_is_never_served"),
            *below(_FAULTS, "test_a_file_that_breaks_while_it_is_used_is_made_anew_while_answers_go_on"),
        ),
    ),
    Fault(
        "P6",
        "state.db damaged",
        "cuts, zeroes, other files, a newer version",
        (
            *below(_DISK, "test_a_damaged_state_database_is_refused_with_the_way_out_and_left_alone"),
            *below("store/test_state_damage.py", "test_it_is_refused_left_alone_and_the_way_out_named"),
        ),
    ),
    Fault(
        "P7",
        "the clock is set",
        "two hours forward, two hours back",
        (
            *below("flows/sync/test_clock_jumps.py", "test_the_watchdog_finds_what_a_silent_scheduler_does_not"),
            *below("flows/sync/test_clock_jumps.py", "test_a_pull_that_failed_is_tried_again_as_soon_as_ever"),
            *below("flows/sync/test_clock_jumps.py", "test_what_is_served_is_as_old_as_it_is"),
            *below(
                "flows/oauth_service/test_clock_set_back.py",
                "test_a_token_ends_when_it_would_have_ended_though_the_clock_was_set_back",
                "test_a_clock_that_is_put_forward_ends_tokens_early_and_clients_renew_them",
            ),
            *below("pure/test_clocks.py", "test_only_the_clock_reads_the_wall_clock"),
        ),
    ),
    Fault(
        "P8",
        "SIGTERM in the middle of things",
        "a download and a pull under way",
        (
            *below(_STOPPING, "test_sigterm_lets_a_download_finish_and_leaves_a_pull_to_the_next_start"),
            *below("e2e/test_serve.py", "test_it_starts_answers_and_stops_in_order"),
        ),
    ),
    Fault(
        "P9",
        "two processes on one data directory",
        "a second service, a command beside a service",
        (
            *below(_STOPPING, "test_a_second_process_on_the_same_data_says_who_has_it_and_disturbs_nothing"),
            *below(_STOPPING, "test_a_command_beside_a_service_asks_it_and_takes_nothing_from_it"),
            *below("store/test_data_directory.py", "test_a_killed_process_leaves_it_to_the_next"),
        ),
    ),
    Fault(
        "P10",
        "a SQLite that damages a WAL under two checkpointers",
        "readers that try to write and to checkpoint",
        below("store/test_database.py", "test_a_reader_can_neither_write_nor_checkpoint"),
    ),
    Fault(
        "P11",
        "a request is cancelled while it writes",
        "cancelled callers at every turn",
        below(
            "store/test_writer.py",
            "test_a_cancelled_caller_leaves_a_whole_transaction_and_none_open",
            "test_one_who_left_costs_nobody_else_the_answer",
            "test_two_tasks_never_share_a_rollback",
        ),
    ),
    Fault(
        "P12",
        "no file descriptors",
        "200 connections where there is room for twenty",
        (
            *below("faults/test_starved.py", "test_without_file_descriptors_it_lives_on_and_recovers"),
            *below(
                "faults/test_no_descriptor_left.py",
                "test_who_is_let_in_is_answered_or_put_off_without_one_file_descriptor",
            ),
        ),
    ),
    Fault(
        "P13",
        "the backup is needed",
        "a backup under load, a death, a lost disk",
        (
            *below(
                "faults/test_restore_drill.py",
                "test_a_backup_made_under_load_is_restored_and_started_from",
                "test_a_backup_needs_no_service_and_is_made_after_a_death_too",
            ),
            *below("flows/test_backups.py", "test_a_backup_that_cannot_be_used_changes_nothing"),
            *below("flows/test_backups.py", "test_what_is_damaged_makes_no_backup_and_keeps_the_last_one"),
        ),
    ),
)

LOAD: Final = (
    Fault(
        "L1",
        "ten thousand deliveries at once",
        "10,000 signed deliveries, questions meanwhile",
        (
            *below(_LOAD, "test_ten_thousand_deliveries_are_all_taken_and_cost_a_handful_of_pulls"),
            *below("pure/test_wakeups.py", "test_ten_thousand_wakes_are_one_pull"),
        ),
    ),
    Fault(
        "L2",
        "bodies of 25 MB, and endless ones",
        "announced, chunked, many at once",
        below(
            _RECEIVER,
            "test_a_body_that_announces_too_much_is_refused_before_it_is_sent",
            "test_a_body_that_does_not_say_how_long_it_is_is_cut_at_the_limit",
            "test_bodies_that_hold_too_much_together_are_put_off_and_small_ones_still_get_through",
        ),
    ),
    Fault(
        "L3",
        "a flood of forgeries",
        "unsigned and wrongly signed deliveries",
        (
            *below(_LOAD, "test_a_flood_of_forgeries_leaves_no_trace_and_answers_go_on"),
            *below(_RECEIVER, "test_a_flood_of_forgeries_leaves_no_row_and_hardly_a_line"),
        ),
    ),
    Fault(
        "L4",
        "readers who do not read",
        "100 clients that ask for a long list and leave it",
        below(_LOAD, "test_readers_who_do_not_read_hold_up_nobody_and_cost_no_more_than_what_they_asked_for"),
    ),
    Fault(
        "L5",
        "publications under the eyes of readers",
        "a thousand publications, readers in two processes",
        (
            *below("e2e/test_atomicity.py", "test_no_answer_mixes_two_commits"),
            *below("store/test_mirror_readers.py", "test_no_reader_ever_sees_two_commits_at_once"),
        ),
    ),
    Fault(
        "L6",
        "a publication in the middle of a question",
        "pages begun before it",
        (
            *below(
                "flows/test_queries_search.py",
                "test_pages_of_a_search_are_the_search_and_stay_in_their_publication",
            ),
            *below("store/test_mirror_retention.py", "test_what_was_put_for_a_publication_under_way_is_left_alone"),
        ),
    ),
    Fault(
        "L7",
        "hidden skills that show through scores",
        "hidden skills added and taken away",
        below("flows/test_queries_search.py", "test_not_one_byte_of_an_answer_depends_on_what_may_not_be_read"),
    ),
)

CATALOGUE: Final = (*NETWORK, *ORDER, *CONTENT, *PROCESS, *LOAD)
