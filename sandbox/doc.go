// Package sandbox is the way to simulated clouds on this machine: it starts
// and stops the daemon that holds them, says how programs reach them, lists
// what is in them and orders faults.
//
// The daemon serves the APIs of package api on loopback, a proxy for clients
// whose API has a fixed address, and a control API on a unix socket for this
// package. What the clouds consist of is kept by package world across
// restarts; the machines are run by package fleet and outlive the daemon.
//
// # Faults
//
// Fault.Times counts attempts of a client to create a server, so that an
// order for one failure fails one run of Terraform:
//
//   - capacity, quota: each create request that is refused counts. Clients do
//     not repeat refused requests.
//   - half-made, hang: a request and its repeats count once. A repeat has the
//     same method, path and body and comes within two minutes of the last
//     one. Each makes one more server, as in life. When one of these servers
//     is deleted, the attempt is over: the same request counts anew.
//   - slow: each server that is created counts.
//   - auth: every call is refused; calls with no pause of a second between
//     them count once. With a rate, creates of servers are refused, each on
//     its own.
//   - words of one's own: as capacity, and as half-made where the answer is
//     one that clients repeat (a 5xx, a 429).
//
// Fault.Rate lets a fault strike a part of the attempts: dice are thrown once
// for an attempt, not for its repeats, and with the same seed they fall the
// same way. Of several faults with rates the first whose dice fall strikes.
package sandbox
