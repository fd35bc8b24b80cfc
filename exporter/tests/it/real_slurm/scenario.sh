#!/bin/bash
# What a cluster seldom has all at once: run inside a real-slurm.sh cluster by root, it makes the special cases that
# the tests compare and that the recordings in fixtures/slurmrestd/*/*/special hold. It needs the node mix0001.
set -eu
cd /tmp

as() { # USER COMMAND...
	local user=$1
	shift
	setpriv --reuid "$user" --regid "$user" --init-groups env HOME=/tmp USER="$user" "$@"
}
submit() { # USER SBATCH-ARGUMENTS...: prints the job's number
	local user=$1
	shift
	as "$user" sbatch --parsable -o /dev/null -t 10:00:00 "$@" | head -n 1
}
until_state() { # JOB STATE: of one of its tasks or components
	local i
	for ((i = 0; i < 600; i++)); do
		[ -n "$(squeue -h -j "$1" -t "$2")" ] && return 0
		sleep 0.1
	done
	echo "job $1 does not become $2" >&2
	scontrol show job "$1" >&2
	return 1
}
sleeping=(--wrap "sleep 36000")

# QOS limits: one job at a time for each user, and a cap on all GPUs.
if [ -z "$(sacctmgr -nP show qos where name=narrow format=name)" ]; then
	sacctmgr -i add qos narrow set priority=50 MaxJobsPerUser=1 GrpTRES=cpu=64,gres/gpu=4 MaxTRESPerJob=cpu=32 MaxWall=12:00:00 GrpJobs=3 >/dev/null
	sacctmgr -i modify user carol set qos+=narrow >/dev/null
	# And of an account, one of its users, and what the others inherit.
	sacctmgr -i modify account bio set MaxJobs=40 MaxWall=3-00:00:00 GrpTRES=cpu=900,mem=4000G >/dev/null
	sacctmgr -i modify user carol where account=bio set MaxJobs=30 >/dev/null
fi
sleep 1

# A job in two partitions: one that runs in one of them, one that is held in both.
both=$(submit alice -A physics -p batch,all -t 60 -n 1 --mem=1G -J both_run "${sleeping[@]}")
submit alice -A physics -p batch,all -t 60 -H -n 3 --mem=2G -J both_held "${sleeping[@]}" >/dev/null

# A het job that runs (its components in two partitions) and one that is held.
het=$(submit alice -A physics -J het_run -p batch -n 2 --mem=1G : -p all -t 60 -w mix0001 -n 1 --mem=1G "${sleeping[@]}")
submit alice -A physics -H -J het_held -p batch -n 2 --mem=1G : -p all -t 60 -n 4 --mem=1G : -p batch -n 5 --mem=1G "${sleeping[@]}" >/dev/null

# Requeued jobs: one that waits for its new begin, one held by the requeue, one marked as special.
again=$(submit bob -A physics -n 1 --mem=1G -J requeued "${sleeping[@]}")
hold=$(submit bob -A physics -n 1 --mem=1G -J requeue_hold "${sleeping[@]}")
special=$(submit bob -A physics -n 1 --mem=1G -J special_exit "${sleeping[@]}")
for job in "$again" "$hold" "$special"; do until_state "$job" RUNNING; done
scontrol requeue "$again"
scontrol requeuehold "$hold"
scontrol requeuehold State=SpecialExit "$special"
until_state "$again" PENDING

# Arrays: a step, a list and a limit (held); one that runs up to its limit; hundreds of scattered tasks, which Slurm cuts.
submit bob -A physics -H -n 2 --mem=1G --array="1-9:2,20,30-33%2" -J array_list "${sleeping[@]}" >/dev/null
limited=$(submit bob -A physics -n 1 --mem=1G --array="1-9:2,20,30-33%2" -J array_limit "${sleeping[@]}")
scattered=$(seq 1 700 | awk '$1 % 7 == 0 || $1 % 7 == 1 || $1 % 7 == 3' | paste -s -d ,)
submit bob -A physics -H -n 1 --mem=1G --array="$scattered" -J array_cut "${sleeping[@]}" >/dev/null

# Licences: held by a running job, and asked for by one that needs more than there are free.
licensed=$(submit carol -A bio -n 1 --mem=1G -L matlab:7 -J licensed "${sleeping[@]}")
until_state "$licensed" RUNNING
submit carol -A bio -n 1 --mem=1G -L matlab:49 -J licence_waits "${sleeping[@]}" >/dev/null

# GPUs by type on one node, untyped on another, and a wait for a type.
gpus=$(submit dave -A ml -p mixed -n 2 --mem=4G --gres=gpu:a100:1,gpu:h100:2 -J gpu_types "${sleeping[@]}")
untyped=$(submit dave -A ml -p gpu -n 2 --mem=4G --gres=gpu:1 -J gpu_any "${sleeping[@]}")
submit dave -A ml -p mixed -H -n 2 --mem=4G --gres=gpu:a100:2 -J gpu_waits "${sleeping[@]}" >/dev/null

# QOS limits at work: the second job of one user waits.
narrow=$(submit carol -A bio -q narrow -n 2 --mem=1G -J narrow_first "${sleeping[@]}")
until_state "$narrow" RUNNING
submit carol -A bio -q narrow -n 2 --mem=1G -J narrow_second "${sleeping[@]}" >/dev/null

# A job with steps, and one that is suspended.
steps=$(submit alice -A physics -n 4 --mem=2G -J steps --wrap 'srun -n1 --mem=512M --exact sleep 36000 & srun -n2 --mem=512M --exact sleep 36000 & wait')
stopped=$(submit alice -A physics -n 1 --mem=1G -J suspended "${sleeping[@]}")
for job in "$both" "$het" "$limited" "$gpus" "$untyped" "$steps" "$stopped"; do until_state "$job" RUNNING; done
scontrol suspend "$stopped"

# Reservations: an active one and an active maintenance on idle nodes, two of the future, one of them with licences.
mapfile -t idle < <(sinfo -h -N -p batch -t idle -o %N | tail -n 3)
scontrol create reservation=class users=carol starttime=now duration=1-0 nodes="${idle[0]}" >/dev/null
scontrol create reservation=upkeep users=root starttime=now duration=1-0 nodes="${idle[1]}" flags=maint,ignore_jobs >/dev/null
scontrol create reservation=later accounts=ml starttime=now+2days duration=120 nodes=mix0001 licenses=ansys:4 >/dev/null
scontrol create reservation=cores users=alice,bob starttime=now+3days duration=60 nodecnt=2 partition=batch flags=ignore_jobs >/dev/null

# Nodes that are drained, idle and down, and one that drains.
scontrol update nodename="${idle[2]}" state=drain reason='disk "failing"'
scontrol update nodename="$(sinfo -h -N -p batch -t down -o %N | tail -n 1)" state=drain reason='power supply'
scontrol update nodename="$(squeue -h -j "$untyped" -o %N)" state=drain reason='bad dimm'

for ((i = 0; i < 600; i++)); do
	states=$(sinfo -h -N -p batch,gpu -o %T | sort -u)
	[[ $states == *drained*draining*maint*reserved* ]] && exit 0
	sleep 0.1
done
echo "the nodes do not become reserved and drained: $states" >&2
exit 1
